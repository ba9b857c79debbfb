BEGIN TRANSACTION;
CREATE TABLE records (
	id INTEGER NOT NULL, 
	run VARCHAR(200) NOT NULL, 
	step VARCHAR(200) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	status VARCHAR(20) NOT NULL, 
	created VARCHAR(40) NOT NULL, 
	body TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "records" VALUES(1,'lenet5-digits-1','finetune','finetune','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','passed','2026-11-20T10:00:00Z','{"step": "finetune", "kind": "finetune", "key": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "status": "passed", "reason": "", "seconds": 1.5, "created": "2026-11-20T10:00:00Z", "result": {"best_epoch": 3, "notes": ["it''s 100 % done"]}, "cached": false, "needless": false, "replaces": ""}');
INSERT INTO "records" VALUES(2,'lenet5-digits-1','gate tflite int8','gate','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','rejected','2026-11-20T10:00:00Z','{"step": "gate tflite int8", "kind": "gate", "key": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "status": "rejected", "reason": "accuracy: 1.2 points were lost", "seconds": 1.5, "created": "2026-11-20T10:00:00Z", "result": {"worst": Infinity, "mean": NaN}, "cached": false, "needless": false, "replaces": ""}');
INSERT INTO "records" VALUES(3,'lenet5-digits-1','bench tflite int8 · local','bench','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','passed','2026-11-20T10:00:00Z','{"step": "bench tflite int8 \u00b7 local", "kind": "bench", "key": "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc", "status": "passed", "reason": "", "seconds": 1.5, "created": "2026-11-20T10:00:00Z", "result": {"p50": 0.1}, "cached": false, "needless": false, "replaces": ""}');
INSERT INTO "records" VALUES(4,'other','export onnx float32','export','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','failed','2026-11-20T10:00:00Z','{"step": "export onnx float32", "kind": "export", "key": "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd", "status": "failed", "reason": "Gr\u00fcn \u0000 \ud83d", "seconds": 1.5, "created": "2026-11-20T10:00:00Z", "result": null, "cached": false, "needless": false, "replaces": ""}');
CREATE TABLE samples (
	id INTEGER NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	nanoseconds BLOB NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "samples" VALUES(1,'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',X'0001726177FF');
CREATE INDEX ix_records_run ON records (run);
CREATE INDEX ix_records_key ON records ("key");
CREATE INDEX ix_records_kind ON records (kind);
CREATE INDEX ix_samples_key ON samples ("key");
CREATE TRIGGER records_no_update BEFORE UPDATE ON records BEGIN SELECT RAISE(ABORT, 'records are append-only'); END;
CREATE TRIGGER records_no_delete BEFORE DELETE ON records BEGIN SELECT RAISE(ABORT, 'records are append-only'); END;
CREATE TRIGGER samples_no_update BEFORE UPDATE ON samples BEGIN SELECT RAISE(ABORT, 'records are append-only'); END;
CREATE TRIGGER samples_no_delete BEFORE DELETE ON samples BEGIN SELECT RAISE(ABORT, 'records are append-only'); END;
COMMIT;
