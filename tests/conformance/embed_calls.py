"""Calls over the cinema's own tables that reach other tables: to one, to many, through a junction, nested, spread."""

from tests.conformance.calls import Call

_DIRECTOR = "(SELECT json_build_object('last_name', d.last_name) FROM directors d WHERE d.id = f.director_id)"
_ROLES = """coalesce((SELECT json_agg(json_build_object('character', r.character) ORDER BY r.character NULLS LAST)
    FROM roles r WHERE r.film_id = f.id), '[]')"""
_ACTORS = """coalesce((SELECT json_agg(json_build_object('last_name', a.last_name) ORDER BY a.last_name)
    FROM roles r JOIN actors a ON a.id = r.actor_id WHERE r.film_id = f.id), '[]')"""
_BY_ID = ("order", "id")


def _named(table: str, alias: str, key: str, column: str) -> str:
    return f"(SELECT json_build_object('{column}', x.{column}) FROM {table} x WHERE x.id = {alias}.{key})"


TO_ONE = (
    Call(
        id="to-one",
        table="films",
        steps=(("select", "title,directors(last_name)"), _BY_ID),
        rows=f"SELECT title, {_DIRECTOR} AS directors FROM films f ORDER BY id",
    ),
    Call(
        id="to-one-alias",
        table="films",
        steps=(("select", "title,by:directors(last_name)"), _BY_ID),
        rows=f"SELECT title, {_DIRECTOR} AS by FROM films f ORDER BY id",
    ),
    Call(
        id="to-one-all-columns",
        table="films",
        steps=(("select", "id,directors(*)"), _BY_ID),
        rows="SELECT id, (SELECT to_json(d) FROM directors d WHERE d.id = f.director_id) AS directors "
        "FROM films f ORDER BY id",
    ),
    Call(
        id="to-one-inner",
        table="films",
        steps=(("select", "title,directors!inner(last_name)"), _BY_ID),
        rows=f"SELECT title, {_DIRECTOR} AS directors FROM films f WHERE director_id IS NOT NULL ORDER BY id",
    ),
    Call(
        id="to-one-left",
        table="films",
        steps=(("select", "title,directors!left(last_name)"), _BY_ID),
        rows=f"SELECT title, {_DIRECTOR} AS directors FROM films f ORDER BY id",
    ),
    Call(
        id="to-one-filter-only-the-embed",
        table="films",
        steps=(("select", "title,directors(last_name)"), ("eq", "directors.last_name", "Lind"), _BY_ID),
        rows="SELECT title, (SELECT json_build_object('last_name', d.last_name) FROM directors d "
        "WHERE d.id = f.director_id AND d.last_name = 'Lind') AS directors FROM films f ORDER BY id",
    ),
    Call(
        id="to-one-inner-filter",
        table="films",
        steps=(("select", "title,directors!inner(last_name)"), ("eq", "directors.last_name", "Lind"), _BY_ID),
        rows=f"SELECT title, {_DIRECTOR} AS directors FROM films f WHERE director_id = 1 ORDER BY id",
    ),
    Call(
        id="to-one-or-within",
        table="films",
        steps=(
            ("select", "title,directors!inner(last_name)"),
            ("or", "last_name.eq.Lind,born.is.null", {"referencedTable": "directors"}),
            _BY_ID,
        ),
        rows=f"SELECT title, {_DIRECTOR} AS directors FROM films f WHERE director_id IN (1, 3) ORDER BY id",
    ),
    Call(
        id="to-one-null-filter",
        table="films",
        steps=(("select", "title,directors(last_name)"), ("is", "directors", None), _BY_ID),
        rows="SELECT title, NULL AS directors FROM films WHERE director_id IS NULL ORDER BY id",
    ),
    Call(
        id="to-one-not-null-filter",
        table="films",
        steps=(("select", "title,directors(last_name)"), ("not", "directors", "is", None), _BY_ID),
        rows=f"SELECT title, {_DIRECTOR} AS directors FROM films f WHERE director_id IS NOT NULL ORDER BY id",
    ),
    Call(
        id="to-one-empty",
        table="films",
        steps=(("select", "title,directors!inner()"), ("gt", "directors.born", "1970-01-01"), _BY_ID),
        rows="SELECT title FROM films WHERE director_id = 2 ORDER BY id",
    ),
    Call(
        id="to-one-spread",
        table="films",
        steps=(("select", "title,...directors(by:last_name)"), _BY_ID),
        rows="SELECT title, d.last_name AS by FROM films f LEFT JOIN directors d ON d.id = f.director_id ORDER BY f.id",
    ),
    Call(
        id="order-by-to-one",
        table="films",
        steps=(
            ("select", "title,directors(last_name)"),
            ("order", "directors(last_name)", {"ascending": False, "nullsFirst": False}),
            _BY_ID,
        ),
        rows=f"SELECT title, {_DIRECTOR} AS directors FROM films f LEFT JOIN directors o ON o.id = f.director_id "
        "ORDER BY o.last_name DESC NULLS LAST, f.id",
    ),
    Call(
        id="one-to-one",
        table="films",
        steps=(("select", "title,technical_specs(camera)"), _BY_ID),
        rows="SELECT title, (SELECT json_build_object('camera', s.camera) FROM technical_specs s WHERE s.film_id = f.id) "
        "AS technical_specs FROM films f ORDER BY id",
    ),
    Call(
        id="hint-by-constraint",
        table="orders",
        steps=(("select", "name,addresses!billing(city)"), _BY_ID),
        rows=f"SELECT name, {_named('addresses', 'o', 'billing_address_id', 'city')} AS addresses FROM orders o ORDER BY id",
    ),
    Call(
        id="hint-twice",
        table="orders",
        steps=(("select", "name,from:addresses!billing(city),into:addresses!shipping(city)"), _BY_ID),
        rows=f"SELECT name, {_named('addresses', 'o', 'billing_address_id', 'city')} AS from, "
        f"{_named('addresses', 'o', 'shipping_address_id', 'city')} AS into FROM orders o ORDER BY id",
    ),
    Call(
        id="hint-by-column",
        table="orders",
        steps=(("select", "name,addresses!shipping_address_id(city)"), _BY_ID),
        rows=f"SELECT name, {_named('addresses', 'o', 'shipping_address_id', 'city')} AS addresses FROM orders o ORDER BY id",
    ),
    Call(
        id="self-reference-to-one",
        table="employees",
        steps=(("select", "name,manager:employees!manager_id(name)"), _BY_ID),
        rows=f"SELECT name, {_named('employees', 'e', 'manager_id', 'name')} AS manager FROM employees e ORDER BY id",
    ),
    Call(
        id="composite-key",
        table="tickets",
        steps=(("select", "id,price,screenings(film_id)"), _BY_ID),
        rows="SELECT id, price, (SELECT json_build_object('film_id', s.film_id) FROM screenings s WHERE s.cinema = t.cinema "
        "AND s.hall = t.hall AND s.begins_at = t.begins_at) AS screenings FROM tickets t ORDER BY id",
    ),
    Call(
        id="view-to-one",
        table="recent_films",
        steps=(("select", "title,directors(last_name)"), _BY_ID),
        rows=f"SELECT title, {_DIRECTOR} AS directors FROM recent_films f ORDER BY id",
    ),
)

TO_MANY = (
    Call(
        id="to-many",
        table="directors",
        steps=(("select", "last_name,films(title)"), ("order", "id"), ("order", "id", {"referencedTable": "films"})),
        rows="SELECT last_name, coalesce((SELECT json_agg(json_build_object('title', f.title) ORDER BY f.id) FROM films f "
        "WHERE f.director_id = d.id), '[]') AS films FROM directors d ORDER BY id",
    ),
    Call(
        id="to-many-limit",
        table="directors",
        steps=(
            ("select", "last_name,films(title)"),
            ("order", "id"),
            ("order", "year", {"referencedTable": "films", "ascending": False}),
            ("limit", 1, {"referencedTable": "films"}),
        ),
        rows="SELECT last_name, coalesce((SELECT json_agg(json_build_object('title', f.title)) FROM (SELECT title FROM films "
        "WHERE director_id = d.id ORDER BY year DESC LIMIT 1) f), '[]') AS films FROM directors d ORDER BY id",
    ),
    Call(
        id="to-many-filter",
        table="directors",
        steps=(
            ("select", "last_name,films(title)"),
            ("gte", "films.year", 2010),
            ("order", "id"),
            ("order", "id", {"referencedTable": "films"}),
        ),
        rows="SELECT last_name, coalesce((SELECT json_agg(json_build_object('title', f.title) ORDER BY f.id) FROM films f "
        "WHERE f.director_id = d.id AND f.year >= 2010), '[]') AS films FROM directors d ORDER BY id",
    ),
    Call(
        id="to-many-inner",
        table="directors",
        steps=(
            ("select", "last_name,films!inner(title)"),
            ("gte", "films.year", 2015),
            ("order", "id"),
            ("order", "id", {"referencedTable": "films"}),
        ),
        rows="SELECT last_name, (SELECT json_agg(json_build_object('title', f.title) ORDER BY f.id) FROM films f "
        "WHERE f.director_id = d.id AND f.year >= 2015) AS films FROM directors d "
        "WHERE EXISTS (SELECT 1 FROM films f WHERE f.director_id = d.id AND f.year >= 2015) ORDER BY id",
    ),
    Call(
        id="to-many-null-filter",
        table="directors",
        steps=(("select", "last_name,films(title)"), ("is", "films", None), ("order", "id")),
        rows="SELECT last_name, '[]'::json AS films FROM directors d "
        "WHERE NOT EXISTS (SELECT 1 FROM films f WHERE f.director_id = d.id) ORDER BY id",
    ),
    Call(
        id="to-many-count",
        table="directors",
        steps=(("select", "last_name,films(count)"), ("order", "id")),
        rows="SELECT last_name, (SELECT json_build_array(json_build_object('count', count(*))) FROM films f "
        "WHERE f.director_id = d.id) AS films FROM directors d ORDER BY id",
    ),
    Call(
        id="to-many-with-exact-count",
        table="directors",
        steps=(
            ("select", "id,films!inner(id)", {"count": "exact"}),
            ("gte", "films.year", 2015),
            ("order", "id"),
            ("limit", 1),
        ),
        count="SELECT count(DISTINCT director_id) FROM films WHERE year >= 2015",
    ),
    Call(
        id="self-reference-to-many",
        table="employees",
        steps=(
            ("select", "name,reports:employees!employees_manager_id_fkey_reverse(name)"),
            ("order", "id"),
            ("order", "id", {"referencedTable": "reports"}),
        ),
        rows="SELECT name, coalesce((SELECT json_agg(json_build_object('name', r.name) ORDER BY r.id) FROM employees r "
        "WHERE r.manager_id = e.id), '[]') AS reports FROM employees e ORDER BY id",
    ),
    Call(
        id="many-to-many",
        table="films",
        steps=(
            ("select", "title,actors(last_name)"),
            _BY_ID,
            ("order", "last_name", {"referencedTable": "actors"}),
        ),
        rows=f"SELECT title, {_ACTORS} AS actors FROM films f ORDER BY id",
    ),
    Call(
        id="many-to-many-hint",
        table="films",
        steps=(
            ("select", "title,competitions!nominations(name)"),
            _BY_ID,
            ("order", "name", {"referencedTable": "competitions"}),
        ),
        rows="SELECT title, coalesce((SELECT json_agg(json_build_object('name', c.name) ORDER BY c.name) FROM nominations n "
        "JOIN competitions c ON c.id = n.competition_id WHERE n.film_id = f.id), '[]') AS competitions FROM films f ORDER BY id",
    ),
    Call(
        id="many-to-many-inner-filter",
        table="films",
        steps=(("select", "title,actors!inner(last_name)"), ("eq", "actors.last_name", "Kim"), _BY_ID),
        rows="SELECT title, json_build_array(json_build_object('last_name', 'Kim')) AS actors FROM films f "
        "WHERE id IN (SELECT film_id FROM roles WHERE actor_id = 3) ORDER BY id",
    ),
    Call(
        id="junction-itself",
        table="films",
        steps=(
            ("select", "title,roles(character)"),
            _BY_ID,
            ("order", "character", {"referencedTable": "roles", "nullsFirst": False}),
        ),
        rows=f"SELECT title, {_ROLES} AS roles FROM films f ORDER BY id",
    ),
    Call(
        id="nested",
        table="directors",
        steps=(
            ("select", "last_name,films(title,roles(character,actors(last_name)))"),
            ("order", "id"),
            ("order", "id", {"referencedTable": "films"}),
            ("order", "actor_id", {"referencedTable": "films.roles"}),
        ),
        rows="""SELECT last_name, coalesce((SELECT json_agg(json_build_object('title', f.title, 'roles', coalesce((
            SELECT json_agg(json_build_object('character', r.character, 'actors',
            (SELECT json_build_object('last_name', a.last_name) FROM actors a WHERE a.id = r.actor_id)) ORDER BY r.actor_id)
            FROM roles r WHERE r.film_id = f.id), '[]')) ORDER BY f.id) FROM films f WHERE f.director_id = d.id), '[]')
            AS films FROM directors d ORDER BY id""",
    ),
    Call(
        id="nested-filter",
        table="directors",
        steps=(
            ("select", "last_name,films!inner(title,technical_specs!inner(camera))"),
            ("eq", "films.technical_specs.camera", "Red"),
            ("order", "id"),
        ),
        rows="SELECT last_name, json_build_array(json_build_object('title', 'Night Tram', 'technical_specs', "
        "json_build_object('camera', 'Red'))) AS films FROM directors WHERE id = 3",
    ),
    Call(
        id="spread-within-nested",
        table="roles",
        steps=(
            ("select", "character,...films(title,...directors(by:last_name))"),
            ("eq", "film_id", 3),
            ("order", "actor_id"),
        ),
        rows="SELECT r.character, f.title, d.last_name AS by FROM roles r JOIN films f ON f.id = r.film_id "
        "JOIN directors d ON d.id = f.director_id WHERE f.id = 3 ORDER BY r.actor_id",
    ),
    Call(
        id="two-embeds-or",
        table="films",
        steps=(
            ("select", "title,directors(last_name),technical_specs(camera)"),
            ("or", "directors.not.is.null,technical_specs.not.is.null"),
            _BY_ID,
        ),
        rows=f"SELECT title, {_DIRECTOR} AS directors, (SELECT json_build_object('camera', s.camera) FROM technical_specs s "
        "WHERE s.film_id = f.id) AS technical_specs FROM films f ORDER BY id",
    ),
    Call(
        id="embed-with-cast-and-path",
        table="directors",
        steps=(
            ("select", "id,films(year::text,details->>country)"),
            ("eq", "id", 3),
            ("order", "id", {"referencedTable": "films"}),
        ),
        rows="SELECT id, (SELECT json_agg(json_build_object('year', f.year::text, 'country', f.details->>'country') "
        "ORDER BY f.id) FROM films f WHERE f.director_id = 3) AS films FROM directors WHERE id = 3",
    ),
    Call(
        id="single-with-embed",
        table="films",
        steps=(("select", "title,directors(last_name)"), ("eq", "id", 1), ("single",)),
        one=f"SELECT title, {_DIRECTOR} AS directors FROM films f WHERE id = 1",
    ),
)

CALLS = (*TO_ONE, *TO_MANY)
