-- A cinema's database with every shape that an embed, an operator or a type can meet. Everything in it is invented.
CREATE TYPE mood AS ENUM ('calm', 'tense', 'merry');
CREATE DOMAIN score AS numeric(3, 1) CHECK (VALUE BETWEEN 0 AND 10);

CREATE TABLE directors (
    id integer PRIMARY KEY,
    first_name text NOT NULL,
    last_name text NOT NULL,
    born date
);
COMMENT ON TABLE directors IS '导演';
COMMENT ON COLUMN directors.born IS 'Day of birth';

CREATE TABLE competitions (
    id integer PRIMARY KEY,
    name text NOT NULL,
    year integer
);

CREATE TABLE films (
    id integer PRIMARY KEY,
    title text NOT NULL,
    year integer NOT NULL,
    rating score,
    runtime integer,
    language text,
    mood mood,
    is_released boolean,
    budget bigint,
    share double precision,
    director_id integer REFERENCES directors (id),
    released_on date,
    updated_at timestamptz,
    tags text[],
    scores integer[],
    details jsonb,
    season daterange,
    ages int4range,
    words tsvector GENERATED ALWAYS AS (to_tsvector('english', title)) STORED
);

CREATE TABLE technical_specs (
    film_id integer PRIMARY KEY REFERENCES films (id),
    runtime text,
    camera text,
    sound text
);

CREATE TABLE actors (
    id integer PRIMARY KEY,
    first_name text NOT NULL,
    last_name text NOT NULL
);

CREATE TABLE roles (
    film_id integer REFERENCES films (id),
    actor_id integer REFERENCES actors (id),
    character text,
    PRIMARY KEY (film_id, actor_id)
);

CREATE TABLE nominations (
    film_id integer REFERENCES films (id),
    competition_id integer REFERENCES competitions (id),
    rank integer,
    PRIMARY KEY (film_id, competition_id)
);

CREATE TABLE addresses (
    id integer PRIMARY KEY,
    name text NOT NULL,
    city text NOT NULL,
    postal_code text
);

CREATE TABLE orders (
    id integer PRIMARY KEY,
    name text NOT NULL,
    amount numeric(10, 2),
    billing_address_id integer,
    shipping_address_id integer,
    CONSTRAINT billing FOREIGN KEY (billing_address_id) REFERENCES addresses (id),
    CONSTRAINT shipping FOREIGN KEY (shipping_address_id) REFERENCES addresses (id)
);

CREATE TABLE presidents (
    id integer PRIMARY KEY,
    first_name text NOT NULL,
    last_name text NOT NULL,
    predecessor_id integer UNIQUE REFERENCES presidents (id)
);

CREATE TABLE employees (
    id integer PRIMARY KEY,
    name text NOT NULL,
    manager_id integer REFERENCES employees (id),
    salary numeric(10, 2)
);

CREATE TABLE screenings (
    cinema text,
    hall integer,
    begins_at timestamp,
    film_id integer REFERENCES films (id),
    PRIMARY KEY (cinema, hall, begins_at)
);

CREATE TABLE tickets (
    id integer PRIMARY KEY,
    cinema text,
    hall integer,
    begins_at timestamp,
    price numeric(6, 2),
    is_reduced boolean,
    FOREIGN KEY (cinema, hall, begins_at) REFERENCES screenings (cinema, hall, begins_at)
);

CREATE VIEW recent_films AS
    SELECT id, title, year, director_id FROM films WHERE year >= 2015;

INSERT INTO directors VALUES
    (1, 'Ada', 'Lind', '1961-03-04'),
    (2, 'Bo', 'Marsh', '1974-11-30'),
    (3, 'Chen', 'Wei', NULL),
    (4, 'Dora', 'O''Neil', '1950-01-01'),
    (5, 'Eve', 'Stone', '1988-06-15');

INSERT INTO competitions VALUES
    (1, 'Golden Bridge', 2019), (2, 'Silver Lantern', 2021), (3, 'River Prize', NULL);

INSERT INTO films
    (id, title, year, rating, runtime, language, mood, is_released, budget, share, director_id, released_on, updated_at,
     tags, scores, details, season, ages)
VALUES
    (1, 'The Long Pier', 2001, 7.5, 104, 'en', 'calm', true, 1200000, 0.25, 1, '2001-05-01', '2024-01-05T08:00:00Z',
     '{sea,drama}', '{7,8}', '{"country": "SE", "crew": {"size": 40}, "awards": [1, 2], "is_colour": true}',
     '[2001-05-01,2001-08-01)', '[12,99)'),
    (2, 'Paper Boats', 2010, 8.1, 95, 'en', 'merry', true, 300000, 0.5, 1, '2010-09-12', '2024-02-01T12:30:00Z',
     '{children,sea}', '{9}', '{"country": "DK", "crew": {"size": 12}, "awards": [], "is_colour": true}',
     '[2010-09-01,2010-12-01)', '[6,99)'),
    (3, 'Night Tram', 2015, 6.2, 120, 'zh', 'tense', true, 5000000, NULL, 3, '2015-01-20', '2024-02-28T23:59:59Z',
     '{crime}', '{5,6,7}', '{"country": "CN", "crew": {"size": 80}, "awards": [3]}', '[2015-01-01,2015-03-01)', '[16,99)'),
    (4, 'Glass & Salt, a Story', 2018, 9.0, 88, 'zh', 'calm', true, 900000, 0.125, 3, '2018-10-10', '2024-03-03T00:00:00Z',
     '{drama,"slow, quiet"}', '{10,9,10}', '{"country": "CN", "crew": {"size": 25}, "note": "shot on \"film\""}',
     '[2018-10-01,2019-01-01)', '[12,99)'),
    (5, 'Untitled (Part 2)', 2021, NULL, NULL, NULL, NULL, false, NULL, NULL, 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (6, 'Orchard', 2015, 7.5, 101, 'fr', 'merry', true, 750000, 0.75, 4, '2015-06-06', '2024-04-04T04:04:04.5Z',
     '{}', '{}', '{}', 'empty', '[0,)'),
    (7, 'A 100% True Tale', 1999, 5.5, 140, 'en', 'tense', false, 42, 1, 2, '1999-12-31', '1999-12-31T23:59:59Z',
     '{crime,drama}', '{3}', '{"country": null, "crew": null}', '[1999-12-01,2000-02-01)', '[18,99)'),
    (8, '桥', 2023, 8.8, 99, 'zh', 'calm', true, 2000000, 0.375, NULL, '2023-02-14', '2024-05-05T05:05:05Z',
     '{drama,sea}', '{8,9}', '{"country": "CN", "crew": {"size": 33}, "awards": [4, 5, 6]}', '[2023-02-01,)', '[6,13)');

INSERT INTO technical_specs VALUES
    (1, '1h 44m', 'ArriCam', 'Dolby'), (2, '1h 35m', 'Bolex', NULL), (3, '2h', 'Red', 'DTS'), (8, '1h 39m', 'Alexa', 'Dolby');

INSERT INTO actors VALUES
    (1, 'Finn', 'Holm'), (2, 'Grace', 'Ito'), (3, 'Hana', 'Kim'), (4, 'Ivo', 'Lang'), (5, 'Jun', 'Ma');

INSERT INTO roles VALUES
    (1, 1, 'Captain'), (1, 2, 'Widow'), (2, 2, 'Teacher'), (3, 3, 'Driver'), (3, 4, 'Thief'), (3, 1, NULL),
    (4, 3, 'Glazier'), (8, 3, 'Engineer'), (8, 5, 'Boy');

INSERT INTO nominations VALUES (1, 1, 2), (2, 1, 1), (3, 1, NULL), (4, 2, 1), (8, 2, 3), (8, 3, 1);

INSERT INTO addresses VALUES
    (1, 'Warehouse', 'Hangzhou', '310000'), (2, 'Office', 'Ningbo', '315000'), (3, 'Home', 'Hangzhou', NULL);

INSERT INTO orders VALUES
    (1, 'Reels', 120.50, 1, 2), (2, 'Lamps', 75.00, 2, 2), (3, 'Chairs', 980.00, 1, 3), (4, 'Posters', NULL, 3, NULL),
    (5, 'Sample', 0.00, NULL, NULL);

INSERT INTO presidents VALUES (1, 'Nils', 'Alm', NULL), (2, 'Olga', 'Berg', 1), (3, 'Per', 'Cole', 2);

INSERT INTO employees VALUES
    (1, 'Qing', NULL, 9000.00), (2, 'Rosa', 1, 7000.00), (3, 'Sam', 1, 6500.50), (4, 'Tao', 2, 5000.00), (5, 'Uma', 2, NULL);

INSERT INTO screenings VALUES
    ('Palace', 1, '2024-06-01T20:00', 1), ('Palace', 2, '2024-06-01T20:00', 2), ('Palace', 1, '2024-06-02T18:30', 8),
    ('Star', 1, '2024-06-01T21:15', 1), ('Star', 1, '2024-06-03T21:15', 3);

INSERT INTO tickets VALUES
    (1, 'Palace', 1, '2024-06-01T20:00', 60.00, false), (2, 'Palace', 1, '2024-06-01T20:00', 30.00, true),
    (3, 'Palace', 2, '2024-06-01T20:00', 55.50, false), (4, 'Star', 1, '2024-06-01T21:15', 40.00, false),
    (5, 'Star', 1, '2024-06-01T21:15', 40.00, NULL), (6, NULL, NULL, NULL, 12.00, true);
