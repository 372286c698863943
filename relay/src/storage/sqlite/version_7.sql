CREATE TABLE context (
    room TEXT NOT NULL, replica INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (room, replica)
) STRICT, WITHOUT ROWID;
INSERT INTO "context" VALUES('people',-2,X'0100FEFFFFFFFFFFFFFF0200');
CREATE TABLE cursor (
    room TEXT NOT NULL, first INTEGER NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (room, first)
) STRICT, WITHOUT ROWID;
INSERT INTO "cursor" VALUES('people',100,105);
CREATE TABLE distrust (room TEXT PRIMARY KEY NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE log (
    room TEXT NOT NULL, slot INTEGER NOT NULL,
    configuration INTEGER NOT NULL, round INTEGER NOT NULL, voter INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (room, slot)
) STRICT, WITHOUT ROWID;
INSERT INTO "log" VALUES('people',1,0,8,1,X'0101070000000203');
CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "meta" VALUES('founding',X'000201FFFFFFFFFFFFFFFFFF01020700');
INSERT INTO "meta" VALUES('promised',X'000501');
INSERT INTO "meta" VALUES('replica',7767811821444978078);
INSERT INTO "meta" VALUES('schema','[[field]]
name = "name"
kind = "mv"
required = true

[[field]]
name = "note"
kind = "lww"
required = false

[[field]]
name = "tags"
kind = "set"
required = false
');
INSERT INTO "meta" VALUES('voter',1);
CREATE TABLE pending (
    room TEXT NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO "pending" VALUES('people',7,X'010700000002030100');
CREATE TABLE progress (
    room TEXT PRIMARY KEY, decided INTEGER NOT NULL DEFAULT 0, claim_seq INTEGER NOT NULL DEFAULT 0,
    raised INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
INSERT INTO "progress" VALUES('other',0,4,0);
INSERT INTO "progress" VALUES('people',2,7,70000);
CREATE TABLE relay (id INTEGER PRIMARY KEY, address TEXT NOT NULL) STRICT;
INSERT INTO "relay" VALUES(2,'there:1');
CREATE TABLE remembered (
    room TEXT NOT NULL, id INTEGER NOT NULL, incarnation INTEGER NOT NULL,
    promised_configuration INTEGER NOT NULL, promised_round INTEGER NOT NULL, promised_voter INTEGER NOT NULL,
    accepted_configuration INTEGER NOT NULL, accepted_round INTEGER NOT NULL, accepted_voter INTEGER NOT NULL,
    accepted_slot INTEGER NOT NULL,
    PRIMARY KEY (room, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "remembered" VALUES('people',2,-1,0,9,1,0,8,1,2);
CREATE TABLE snapshot (
    room TEXT PRIMARY KEY NOT NULL, slot INTEGER NOT NULL, chain INTEGER NOT NULL,
    log_slot INTEGER NOT NULL, log_chain INTEGER NOT NULL,
    ledger BLOB NOT NULL
) STRICT;
INSERT INTO "snapshot" VALUES('people',1,-2,1,-2,X'00000000C0843D00000000000000904E0000000000000000000032E807FA010A904EA08D06000000000000000000');
CREATE TABLE standing (
    room TEXT PRIMARY KEY,
    promised_configuration INTEGER NOT NULL, promised_round INTEGER NOT NULL, promised_voter INTEGER NOT NULL,
    accepted_configuration INTEGER NOT NULL, accepted_round INTEGER NOT NULL, accepted_voter INTEGER NOT NULL,
    accepted_slot INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "standing" VALUES('people',0,9,1,0,8,1,2);
CREATE TABLE version (
    room TEXT NOT NULL,
    record_replica INTEGER NOT NULL, record_counter INTEGER NOT NULL,
    replica INTEGER NOT NULL, counter INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (room, record_replica, record_counter, replica, counter)
) STRICT, WITHOUT ROWID;
INSERT INTO "version" VALUES('people',-2,1,-2,1,X'00000E0100010401000568656C6C6F');
PRAGMA application_id = 1148544372;
PRAGMA user_version = 7;
