-- Names, keys, links and views that a schema may well have and a catalogue could not take as they are.
CREATE SCHEMA "Odd One";
SET search_path TO "Odd One";
CREATE TABLE "Films" (id integer PRIMARY KEY, "Select" text, "select" text, "order" text, "and" text, "Name" text,
    "name" text, "naïve" text, "标题" text, "价格" numeric, "a b" text, "it's ""x""" text, "1st" text, "100%" text,
    "null" text, "on" text, "limit" text, doubled integer GENERATED ALWAYS AS (id * 2) STORED);
COMMENT ON TABLE "Films" IS E'line one\nline two: {braces} "quotes" # and no more';
CREATE TABLE films (id integer PRIMARY KEY);
CREATE TABLE "films_2" (id integer);
CREATE TABLE "居民" (id integer PRIMARY KEY);
CREATE TABLE "房屋" (id integer PRIMARY KEY REFERENCES "居民");
CREATE TABLE "all" (only_json json);
CREATE TABLE nothing ();
CREATE TABLE "    " (id integer);
CREATE TABLE aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg (id integer UNIQUE, other integer NOT NULL);
CREATE TABLE "AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDDDDDDDDDEEEEEEEEEEFFFFFFFFFFGGG" (id integer);
CREATE TABLE parts (id integer, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE parts_2024 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE links (id integer, a integer, b integer, billing integer,
    CONSTRAINT a FOREIGN KEY (a) REFERENCES films (id), CONSTRAINT "Billing!" FOREIGN KEY (b) REFERENCES films (id));
CREATE TABLE precise (id numeric PRIMARY KEY);
CREATE TABLE wide (id integer REFERENCES precise (id));
CREATE VIEW joined AS SELECT f.id, l.b FROM films f JOIN links l ON l.a = f.id;
CREATE VIEW renamed AS SELECT id AS key, 1 AS one FROM (SELECT id FROM films) f;
CREATE VIEW twice AS SELECT id FROM films UNION ALL SELECT id FROM films_2;
CREATE VIEW counted AS SELECT a, count(*) FROM links GROUP BY a;
CREATE MATERIALIZED VIEW kept AS SELECT id FROM films;
CREATE VIEW spaced AS SELECT id AS "the {id}: \" FROM films WHERE id > 0;
CREATE VIEW over AS SELECT id AS deep FROM kept;
INSERT INTO "Films" (id, "Select", "select", "标题", "it's ""x""", "100%", "价格") VALUES (7, 'a', 'b', '桥', 'q', 'full', 1.5);
INSERT INTO films VALUES (1), (2);
INSERT INTO links VALUES (1, 1, 2, 3);
REFRESH MATERIALIZED VIEW kept;
