CREATE TABLE public.records (
    id integer NOT NULL,
    run character varying(200) NOT NULL,
    step character varying(200) NOT NULL,
    kind character varying(40) NOT NULL,
    key character varying(64) NOT NULL,
    status character varying(20) NOT NULL,
    created character varying(40) NOT NULL,
    body text NOT NULL
);
CREATE SEQUENCE public.records_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.records_id_seq OWNED BY public.records.id;
CREATE TABLE public.samples (
    id integer NOT NULL,
    key character varying(64) NOT NULL,
    nanoseconds bytea NOT NULL
);
CREATE SEQUENCE public.samples_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.samples_id_seq OWNED BY public.samples.id;
ALTER TABLE ONLY public.records ALTER COLUMN id SET DEFAULT nextval('public.records_id_seq'::regclass);
ALTER TABLE ONLY public.samples ALTER COLUMN id SET DEFAULT nextval('public.samples_id_seq'::regclass);
INSERT INTO public.records VALUES (1, 'lenet5-digits-1', 'finetune', 'finetune', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'passed', '2026-11-20T10:00:00Z', '{"step": "finetune", "kind": "finetune", "key": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "status": "passed", "reason": "", "seconds": 1.5, "created": "2026-11-20T10:00:00Z", "result": {"best_epoch": 3, "notes": ["it''s 100 % done"]}, "cached": false, "needless": false, "replaces": ""}');
INSERT INTO public.records VALUES (2, 'lenet5-digits-1', 'gate tflite int8', 'gate', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 'rejected', '2026-11-20T10:00:00Z', '{"step": "gate tflite int8", "kind": "gate", "key": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "status": "rejected", "reason": "accuracy: 1.2 points were lost", "seconds": 1.5, "created": "2026-11-20T10:00:00Z", "result": {"worst": Infinity, "mean": NaN}, "cached": false, "needless": false, "replaces": ""}');
INSERT INTO public.records VALUES (3, 'lenet5-digits-1', 'bench tflite int8 · local', 'bench', 'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc', 'passed', '2026-11-20T10:00:00Z', '{"step": "bench tflite int8 \u00b7 local", "kind": "bench", "key": "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc", "status": "passed", "reason": "", "seconds": 1.5, "created": "2026-11-20T10:00:00Z", "result": {"p50": 0.1}, "cached": false, "needless": false, "replaces": ""}');
INSERT INTO public.records VALUES (4, 'other', 'export onnx float32', 'export', 'dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd', 'failed', '2026-11-20T10:00:00Z', '{"step": "export onnx float32", "kind": "export", "key": "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd", "status": "failed", "reason": "Gr\u00fcn \u0000 \ud83d", "seconds": 1.5, "created": "2026-11-20T10:00:00Z", "result": null, "cached": false, "needless": false, "replaces": ""}');
INSERT INTO public.samples VALUES (1, 'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc', '\x0001726177ff');
ALTER TABLE ONLY public.records
    ADD CONSTRAINT records_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.samples
    ADD CONSTRAINT samples_pkey PRIMARY KEY (id);
CREATE INDEX ix_records_key ON public.records USING btree (key);
CREATE INDEX ix_records_kind ON public.records USING btree (kind);
CREATE INDEX ix_records_run ON public.records USING btree (run);
CREATE INDEX ix_samples_key ON public.samples USING btree (key);
SELECT pg_catalog.setval('public.records_id_seq', 4, true);
SELECT pg_catalog.setval('public.samples_id_seq', 1, true);
