"""Calls over the cinema's own tables: columns, operators, trees, order, pages, counts, errors."""

from tests.conformance.calls import Call

_ALL = "SELECT id, title FROM films"


def _films(name: str, *filters: tuple[object, ...], where: str) -> Call:
    """Films that pass a filter, by id."""
    steps = (("select", "id,title"), *filters, ("order", "id"))
    return Call(id=name, table="films", steps=steps, rows=f"{_ALL} WHERE {where} ORDER BY id")


COLUMNS = (
    Call(
        id="select-all",
        table="directors",
        steps=(("select", "*"), ("order", "id")),
        rows="SELECT * FROM directors ORDER BY id",
    ),
    Call(
        id="select-nothing-said",
        table="actors",
        steps=(("select",), ("order", "id")),
        rows="SELECT * FROM actors ORDER BY id",
    ),
    Call(
        id="select-every-type",
        table="films",
        steps=(
            ("select", "id,rating,runtime,mood,is_released,budget,share,released_on,updated_at,tags,scores,details"),
            ("order", "id"),
        ),
        rows="SELECT id,rating,runtime,mood,is_released,budget,share,released_on,updated_at,tags,scores,details "
        "FROM films ORDER BY id",
    ),
    Call(
        id="select-ranges",
        table="films",
        steps=(("select", "id,season,ages"), ("order", "id")),
        rows="SELECT id, season, ages FROM films ORDER BY id",
    ),
    Call(
        id="select-alias",
        table="films",
        steps=(("select", "number:id,called:title"), ("order", "id")),
        rows="SELECT id AS number, title AS called FROM films ORDER BY id",
    ),
    Call(
        id="select-cast-to-text",
        table="films",
        steps=(("select", "id,year::text,is_released::text"), ("order", "id")),
        rows="SELECT id, year::text, is_released::text FROM films ORDER BY id",
    ),
    Call(
        id="select-cast-to-integer",
        table="addresses",
        steps=(("select", "id,code:postal_code::integer"), ("order", "id")),
        rows="SELECT id, postal_code::integer AS code FROM addresses ORDER BY id",
    ),
    Call(
        id="select-alias-and-cast",
        table="films",
        steps=(("select", "when:released_on::text"), ("order", "id")),
        rows='SELECT released_on::text AS "when" FROM films ORDER BY id',
    ),
    Call(
        id="json-as-text",
        table="films",
        steps=(("select", "id,details->>country"), ("order", "id")),
        rows="SELECT id, details->>'country' AS country FROM films ORDER BY id",
    ),
    Call(
        id="json-as-json",
        table="films",
        steps=(("select", "id,crew:details->crew"), ("order", "id")),
        rows="SELECT id, details->'crew' AS crew FROM films ORDER BY id",
    ),
    Call(
        id="json-deeper",
        table="films",
        steps=(("select", "id,size:details->crew->>size"), ("order", "id")),
        rows="SELECT id, details->'crew'->>'size' AS size FROM films ORDER BY id",
    ),
    Call(
        id="json-item",
        table="films",
        steps=(("select", "id,first:details->awards->0"), ("order", "id")),
        rows="SELECT id, details->'awards'->0 AS first FROM films ORDER BY id",
    ),
    Call(
        id="json-cast",
        table="films",
        steps=(("select", "id,size:details->crew->>size::integer"), ("order", "id")),
        rows="SELECT id, (details->'crew'->>'size')::integer AS size FROM films ORDER BY id",
    ),
    Call(
        id="json-filter-and-order",
        table="films",
        steps=(("select", "id"), ("eq", "details->>country", "CN"), ("order", "details->crew->>size"), ("order", "id")),
        rows="SELECT id FROM films WHERE details->>'country' = 'CN' ORDER BY details->'crew'->>'size', id",
    ),
    Call(
        id="a-view",
        table="recent_films",
        steps=(("select", "id,title"), ("order", "id")),
        rows="SELECT id, title FROM recent_films ORDER BY id",
    ),
)

OPERATORS = (
    _films("eq", ("eq", "title", "Orchard"), where="title = 'Orchard'"),
    _films("eq-number", ("eq", "year", 2015), where="year = 2015"),
    _films("eq-numeric", ("eq", "rating", 7.5), where="rating = 7.5"),
    _films("eq-boolean", ("eq", "is_released", True), where="is_released"),
    _films("eq-date", ("eq", "released_on", "2015-06-06"), where="released_on = '2015-06-06'"),
    _films("eq-moment", ("eq", "updated_at", "2024-01-05T08:00:00Z"), where="updated_at = '2024-01-05T08:00:00Z'"),
    _films("eq-odd-text", ("eq", "title", "Glass & Salt, a Story"), where="title = 'Glass & Salt, a Story'"),
    _films("eq-chinese", ("eq", "title", "桥"), where="title = '桥'"),
    _films("neq", ("neq", "language", "en"), where="language <> 'en'"),
    _films("gt", ("gt", "year", 2010), where="year > 2010"),
    _films("gte", ("gte", "rating", 8.1), where="rating >= 8.1"),
    _films("lt", ("lt", "released_on", "2010-01-01"), where="released_on < '2010-01-01'"),
    _films("lte", ("lte", "runtime", 99), where="runtime <= 99"),
    _films("like", ("like", "title", "%a%"), where="title LIKE '%a%'"),
    _films("like-one-sign", ("like", "title", "P_per Boats"), where="title LIKE 'P_per Boats'"),
    _films("ilike", ("ilike", "title", "%THE%"), where="title ILIKE '%the%'"),
    _films("like-all", ("likeAllOf", "title", ["%a%", "%S%"]), where="title LIKE ALL ('{%a%,%S%}')"),
    _films("like-any", ("likeAnyOf", "title", ["N%", "O%"]), where="title LIKE ANY ('{N%,O%}')"),
    _films("ilike-all", ("ilikeAllOf", "title", ["%A%", "%t%"]), where="title ILIKE ALL ('{%a%,%t%}')"),
    _films("ilike-any", ("ilikeAnyOf", "title", ["n%", "o%"]), where="title ILIKE ANY ('{n%,o%}')"),
    _films("match-regex", ("regexMatch", "title", "^(Night|Paper)"), where="title ~ '^(Night|Paper)'"),
    _films("imatch-regex", ("regexIMatch", "title", "tram$"), where="title ~* 'tram$'"),
    _films("is-null", ("is", "rating", None), where="rating IS NULL"),
    _films("is-true", ("is", "is_released", True), where="is_released IS TRUE"),
    _films("is-not-null", ("not", "director_id", "is", None), where="director_id IS NOT NULL"),
    _films("in-texts", ("in", "language", ["zh", "fr"]), where="language IN ('zh', 'fr')"),
    _films("in-numbers", ("in", "id", [1, 3, 5, 99]), where="id IN (1, 3, 5, 99)"),
    _films(
        "in-odd-texts",
        ("in", "title", ["Glass & Salt, a Story", "Untitled (Part 2)"]),
        where="title IN ('Glass & Salt, a Story', 'Untitled (Part 2)')",
    ),
    _films("not-in", ("notIn", "id", [1, 2]), where="id NOT IN (1, 2)"),
    _films("not-eq", ("not", "language", "eq", "en"), where="NOT language = 'en'"),
    _films("is-distinct", ("isDistinct", "language", "en"), where="language IS DISTINCT FROM 'en'"),
    _films("array-contains", ("contains", "tags", ["sea", "drama"]), where="tags @> '{sea,drama}'"),
    _films("array-contained", ("containedBy", "tags", ["sea", "drama"]), where="tags <@ '{sea,drama}'"),
    _films("array-overlaps", ("overlaps", "tags", ["crime", "children"]), where="tags && '{crime,children}'"),
    _films("numbers-contain", ("contains", "scores", [9]), where="scores @> '{9}'"),
    _films("json-contains", ("contains", "details", {"country": "CN"}), where="""details @> '{"country": "CN"}'"""),
    _films("range-contains", ("contains", "ages", "[20,30)"), where="ages @> '[20,30)'::int4range"),
    _films("range-overlaps", ("overlaps", "ages", "[1,7)"), where="ages && '[1,7)'::int4range"),
    _films("range-right-of", ("rangeGt", "ages", "(5,11)"), where="ages >> '(5,11)'::int4range"),
    _films("range-left-of", ("rangeLt", "ages", "(14,20)"), where="ages << '(14,20)'::int4range"),
    _films("range-not-left", ("rangeGte", "ages", "(6,9)"), where="ages &> '(6,9)'::int4range"),
    _films("range-not-right", ("rangeLte", "ages", "(1,20)"), where="ages &< '(1,20)'::int4range"),
    _films(
        "range-adjacent",
        ("rangeAdjacent", "season", "(2010-11-30,2011-01-01)"),
        where="season -|- '(2010-11-30,2011-01-01)'::daterange",
    ),
    _films(
        "text-search",
        ("textSearch", "title", "pier", {"config": "english"}),
        where="to_tsvector('english', title) @@ to_tsquery('english', 'pier')",
    ),
    _films(
        "text-search-plain",
        ("textSearch", "title", "paper boat", {"config": "english", "type": "plain"}),
        where="to_tsvector('english', title) @@ plainto_tsquery('english', 'paper boat')",
    ),
    _films(
        "text-search-phrase",
        ("textSearch", "title", "long pier", {"config": "english", "type": "phrase"}),
        where="to_tsvector('english', title) @@ phraseto_tsquery('english', 'long pier')",
    ),
    _films(
        "text-search-as-on-the-web",
        ("textSearch", "title", "tram or orchard", {"config": "english", "type": "websearch"}),
        where="to_tsvector('english', title) @@ websearch_to_tsquery('english', 'tram or orchard')",
    ),
    _films("match", ("match", {"language": "zh", "mood": "calm"}), where="language = 'zh' AND mood = 'calm'"),
    _films("two-of-one-field", ("gte", "year", 2010), ("lt", "year", 2018), where="year >= 2010 AND year < 2018"),
    _films("filter-by-name", ("filter", "year", "gte", "2018"), where="year >= 2018"),
    _films("or", ("or", "year.lt.2005,rating.gte.9"), where="year < 2005 OR rating >= 9"),
    _films(
        "or-of-ands",
        ("or", "and(language.eq.zh,year.gte.2018),title.like.A*"),
        where="(language = 'zh' AND year >= 2018) OR title LIKE 'A%'",
    ),
    _films(
        "or-with-not",
        ("or", "rating.is.null,language.not.in.(en,zh)"),
        where="rating IS NULL OR language NOT IN ('en','zh')",
    ),
    _films("or-not-and", ("or", "not.and(year.gte.2000,year.lt.2020)"), where="NOT (year >= 2000 AND year < 2020)"),
    _films("or-quoted", ("or", 'title.eq."Glass & Salt, a Story",id.eq.1'), where="id IN (1, 4)"),
    _films("two-ors", ("or", "id.lt.4,id.gt.6"), ("or", "year.lt.2002,year.gt.2014"), where="id IN (1, 3, 7, 8)"),
)

PAGES = (
    Call(
        id="order-descending",
        table="films",
        steps=(("select", "id"), ("order", "year", {"ascending": False}), ("order", "id")),
        rows="SELECT id FROM films ORDER BY year DESC, id",
    ),
    Call(
        id="order-nulls-first",
        table="films",
        steps=(("select", "id,rating"), ("order", "rating", {"ascending": True, "nullsFirst": True}), ("order", "id")),
        rows="SELECT id, rating FROM films ORDER BY rating NULLS FIRST, id",
    ),
    Call(
        id="order-nulls-last",
        table="films",
        steps=(
            ("select", "id,rating"),
            ("order", "rating", {"ascending": False, "nullsFirst": False}),
            ("order", "id"),
        ),
        rows="SELECT id, rating FROM films ORDER BY rating DESC NULLS LAST, id",
    ),
    Call(
        id="limit",
        table="films",
        steps=(("select", "id"), ("order", "id"), ("limit", 3)),
        rows="SELECT id FROM films ORDER BY id LIMIT 3",
    ),
    Call(
        id="range",
        table="films",
        steps=(("select", "id"), ("order", "id"), ("range", 2, 4)),
        rows="SELECT id FROM films ORDER BY id LIMIT 3 OFFSET 2",
    ),
    Call(
        id="range-behind-the-end",
        table="films",
        steps=(("select", "id"), ("order", "id"), ("range", 6, 20)),
        rows="SELECT id FROM films ORDER BY id LIMIT 15 OFFSET 6",
    ),
    Call(
        id="count-exact",
        table="films",
        steps=(("select", "id", {"count": "exact"}), ("order", "id"), ("limit", 2)),
        rows="SELECT id FROM films ORDER BY id LIMIT 2",
        count="SELECT count(*) FROM films",
    ),
    Call(
        id="count-planned",
        table="films",
        steps=(("select", "id", {"count": "planned"}), ("order", "id"), ("limit", 2)),
        rows="SELECT id FROM films ORDER BY id LIMIT 2",
        is_counted=True,
    ),
    Call(
        id="count-estimated",
        table="films",
        steps=(("select", "id", {"count": "estimated"}), ("order", "id"), ("limit", 2)),
        rows="SELECT id FROM films ORDER BY id LIMIT 2",
        is_counted=True,
    ),
    Call(
        id="head-with-count",
        table="films",
        steps=(("select", "*", {"count": "exact", "head": True}), ("gte", "year", 2015)),
        count="SELECT count(*) FROM films WHERE year >= 2015",
    ),
    Call(
        id="count-of-none",
        table="films",
        steps=(("select", "id", {"count": "exact"}), ("eq", "id", 99)),
        rows=f"{_ALL} WHERE false",
        count="SELECT 0",
    ),
    Call(
        id="single",
        table="films",
        steps=(("select", "id,title"), ("eq", "id", 3), ("single",)),
        one=f"{_ALL} WHERE id = 3",
    ),
    Call(id="single-of-none", table="films", steps=(("select", "id"), ("eq", "id", 99), ("single",)), error="PGRST116"),
    Call(id="single-of-many", table="films", steps=(("select", "id"), ("single",)), error="PGRST116"),
    Call(
        id="maybe-single",
        table="films",
        steps=(("select", "id,title"), ("eq", "id", 8), ("maybeSingle",)),
        one=f"{_ALL} WHERE id = 8",
    ),
    Call(
        id="maybe-single-of-none",
        table="films",
        steps=(("select", "id"), ("eq", "id", 99), ("maybeSingle",)),
        one=f"{_ALL} WHERE false",
    ),
    Call(
        id="csv",
        table="actors",
        steps=(("select", "id,first_name,last_name"), ("order", "id"), ("csv",)),
        text="SELECT id, first_name, last_name FROM actors ORDER BY id",
    ),
    Call(
        id="strip-nulls",
        table="directors",
        steps=(("select", "id,born"), ("order", "id"), ("stripNulls",)),
        whole="SELECT json_agg(json_strip_nulls(json_build_object('id', id, 'born', born)) ORDER BY id) FROM directors",
    ),
)

GROUPS = (
    Call(
        id="count-of-groups",
        table="films",
        steps=(("select", "language,count()"), ("order", "language")),
        rows="SELECT language, count(*) FROM films GROUP BY language ORDER BY language",
    ),
    Call(
        id="aggregates",
        table="films",
        steps=(("select", "rating.max(),low:rating.min(),budget.sum(),runtime.avg(),number:id.count()"),),
        rows="SELECT max(rating), min(rating) AS low, sum(budget), avg(runtime), count(id) AS number FROM films",
    ),
    Call(
        id="aggregate-cast",
        table="films",
        steps=(("select", "year,total:runtime.sum()::text"), ("order", "year")),
        rows="SELECT year, sum(runtime)::text AS total FROM films GROUP BY year ORDER BY year",
    ),
    Call(
        id="sum-in-groups",
        table="orders",
        steps=(("select", "billing_address_id,amount.sum()"), ("order", "billing_address_id")),
        rows="SELECT billing_address_id, sum(amount) FROM orders GROUP BY billing_address_id ORDER BY billing_address_id",
    ),
)

ERRORS = (
    Call(id="unknown-field", table="films", steps=(("select", "nothing"),), error="42501"),
    Call(id="unknown-table", table="nothing", steps=(("select", "*"),), error="PGRST205"),
    Call(id="unknown-embed", table="films", steps=(("select", "id,orders(*)"),), error="PGRST200"),
    Call(id="ambiguous-embed", table="orders", steps=(("select", "id,addresses(*)"),), error="PGRST201"),
    Call(id="broken-select", table="films", steps=(("select", "id,("),), error="PGRST100"),
    Call(id="broken-or", table="films", steps=(("select", "id"), ("or", "year.lt")), error="PGRST100"),
    Call(id="wrong-literal", table="films", steps=(("select", "id"), ("eq", "year", "many")), error="22P02"),
)

CALLS = (*COLUMNS, *OPERATORS, *PAGES, *GROUPS, *ERRORS)
