# Short names for what contributors run. `go test ./...` needs none of this.
# kill, faults, soak, kafka, parity and race print one JSON line last and succeed only if what they measure holds.
# SEED= and KILLS= change what they do; INPUT= gives parity your own file or folder.

KILLS ?= 100
SEED ?= 1
export SEED

.PHONY: help test lint demo kill kill-crawl kill-stream faults soak store kafka kafka-conformance scale-out race-log restart parity parity-warc parity-robots parity-charset train-charset parity-ftfy race-polite race-crawl race-lang parity-fasttext langmodel race-extract race-pii parity-clean race-filters race-clean hostile steps bench-process train-check docs-check fuzz nightly points museum release
.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

test: ## the tests that everybody runs
	go test ./...
	go -C internal/tools test ./...

lint: ## formatting, vet for three systems, staticcheck
	@.ci/lint

demo: ## the whole line, on this machine
	go run ./cmd/millrace demo

kill: ## kill -9 KILLS times: nothing lost, nothing twice
	@go run ./internal/sim/kill -kills $(KILLS) -seed $(SEED)

kill-crawl: ## kill -9 KILLS times while it crawls 20,000 pages
	@go run ./internal/sim/race kill -seed $(SEED) -kills $(KILLS)

# kills N gives N, where no other number of kills is asked for.
kills = $(if $(filter file,$(origin KILLS)),$(1),$(KILLS))

kill-stream: ## log, feeder, clean workers and mill, a zombie each: one is killed every 0.45 s, 400 times
	@go run ./internal/sim/killstream -kills $(call kills,400) -seed $(SEED) -input "$(INPUT)"

faults: ## the same line behind bad networks, on full disks, with owners that sleep: a crawl too; SHORT=1 is quicker
	@go run ./internal/sim/faults -seed $(SEED) $(if $(SHORT),-nap 10s -random 15s)

MINUTES ?= 30
soak: ## the same line at full speed for MINUTES: memory and open files stay what they are
	@go run ./internal/sim/soak -seed $(SEED) -minutes $(MINUTES)

store: ## the table on an S3 server (versitygw): mills and server killed KILLS times each; the files of an undisturbed run
	@MILLRACE_S3=1 go test -count=1 ./internal/sim/s3
	@go run ./internal/sim/killstore -kills $(call kills,12) -seed $(SEED) -python "$$(race/venv.sh race/requirements.txt)/bin/python"

kafka: ## a finished archive through a real Apache Kafka: the same shard files; and kill-stream on it
	@go run ./internal/sim/kafkasmoke -kills $(call kills,90) -seed $(SEED) -input "$(INPUT)"

scale-out: ## two machines, Apache Kafka and versitygw between them, a zombie each: all of them are killed
	@mkdir -p .cache && go build -o .cache/scaleout ./internal/sim/scaleout && .cache/scaleout -kills $(call kills,90) -seed $(SEED) -input "$(INPUT)"

# A module of its own, for its peers are heavy; it may fetch what the main one has come to need.
kafka-conformance: ## our broker, kfake and Apache Kafka answer the same requests, and ours is right
	@go -C internal/sim/kafkapeers run -mod=mod ./conform

race-log: ## produce with fsync, fetch, the cost of a hop, beside kfake and Apache Kafka; the rate of a line under a kill a second
	@go -C internal/sim/kafkapeers run -mod=mod ./race -seed $(SEED)
	@go run ./internal/sim/killstream -rate -seed $(SEED)

# RESTARTS=, ROWS= and GIGABYTES= make it shorter.
restart: ## kill -9 behind 200,000 rows and a log of 10 GB: how soon is something new durable, in what memory?
	@go run ./internal/sim/killstream -restart -restarts $(or $(RESTARTS),50) -rows $(or $(ROWS),200000) -gigabytes $(or $(GIGABYTES),10) -seed $(SEED)

parity: ## pyarrow, DuckDB, Polars, delta-rs and parquet-go read the same rows
	@race/parity.sh

parity-warc: ## warcio and FastWARC read our archive, we read theirs, and find damage
	@race/parity-warc.sh

parity-charset: ## 32 pairs of language and encoding read from bytes alone, beside chardet and charset-normalizer; INPUT= a folder of LANG.txt
	@go run ./internal/sim/encodings/parity -seed $(SEED) -input "$(INPUT)" -python "$$(race/venv.sh race/charset-requirements.txt)/bin/python"

train-charset: ## the statistics of the detector of encodings, again: clean/charset/model.bin, from texts that packages carry
	@go run ./internal/sim/encodings/train

parity-robots: ## the table of robots.txt cases, answered by Protego
	@"$$(race/venv.sh race/robots-requirements.txt)/bin/python" race/robots.py crawl/robots/testdata/cases.yaml

parity-ftfy: ## ftfy's cases, 20,000 damaged strings and clean text of 80 languages and more: what ftfy makes of them
	@go run ./internal/sim/mojibake -seed $(SEED) -input "$(INPUT)" -python "$$(race/venv.sh race/ftfy-requirements.txt)/bin/python"

race-polite: ## 200 hosts that ask for pauses: nobody is asked too soon, no time is wasted
	@go run ./internal/sim/race polite -seed $(SEED) -python "$$(race/venv.sh race/scrapy-requirements.txt)/bin/python"

race-crawl: ## pages a second, beside Scrapy and plain colly
	@go run ./internal/sim/race crawl -seed $(SEED) -python "$$(race/venv.sh race/scrapy-requirements.txt)/bin/python"

parity-clean: ## the packs of rules say of each document what datatrove's filters say; INPUT= JSON lines, pages or a WARC file
	@go run ./internal/sim/filters -seed $(SEED) -input "$(INPUT)" -python "$$(race/venv.sh race/filters-requirements.txt)/bin/python" -dolma "$$(race/venv.sh race/dolma-requirements.txt || true)" parity

race-filters: ## four packs over JSON lines, beside datatrove with two workers; the pack of dolma beside its tagger
	@go run ./internal/sim/filters -seed $(SEED) -input "$(INPUT)" -python "$$(race/venv.sh race/filters-requirements.txt)/bin/python" -dolma "$$(race/venv.sh race/dolma-requirements.txt)" race

race-clean: ## an archive to filtered JSON lines: pages a second beside datatrove and beside the best parts of Python; INPUT= a WARC file
	@go run ./internal/sim/raceclean -seed $(SEED) -input "$(INPUT)" -python "$$(race/venv.sh race/clean-requirements.txt)/bin/python" -dolma "$$(race/venv.sh race/dolma-requirements.txt)"

bench-process: ## a filter in Python, in two copies, over documents of 2 KB; the same loop without millrace beside it
	@go run ./internal/sim/processrate -seed $(SEED) -input "$(INPUT)"

hostile: ## every step of cleaning on texts of up to 10 MB made to hurt it: twice the text, twice the time; the same outputs when busy
	@go run ./internal/sim/hostile

steps: ## the steps that they take on 5 and on 10 MB, counted by a copy of the code; go test does it on 16 and 32 KB
	MILLRACE_NIGHTLY=1 go test -count=1 -timeout 2h -v -run TestSteps ./internal/sim/hostile

race-pii: ## personal data and traps planted in sentences of many languages: found, by kind, and how fast; datatrove beside it
	@go run ./internal/sim/racepii -seed $(SEED) -input "$(INPUT)" -python "$$(race/venv.sh race/pii-requirements.txt)/bin/python"

# INPUT= is a folder of marked articles; without it, those that a Go module carries are read.
race-extract: ## the main text of articles and of documentation, beside trafilatura and resiliparse
	@go run ./internal/sim/raceextract -seed $(SEED) -input "$(INPUT)" -python "$$(race/venv.sh race/extract-requirements.txt)/bin/python"

race-lang: ## languages named beside lingua, py3langid and CLD2, on texts that the model was not trained on
	@go run ./internal/sim/langrace -seed $(SEED) -input "$(INPUT)" -python "$$(race/venv.sh race/lang-requirements.txt)/bin/python"

parity-fasttext: ## small models that fastText trains, plain and quantised, answered as it answers
	@go run ./internal/sim/fasttextparity -python "$$(race/venv.sh race/fasttext-requirements.txt)/bin/python"

langmodel: ## train clean/language's model from packages; SEED=1 is the embedded one
	@go run ./internal/sim/langtrain -seed $(SEED)

points: ## a crash before and after each durable step, and one behind it at each point: every pair of points; a bit flipped in each byte
	MILLRACE_NIGHTLY=1 go test -count=1 -timeout 12h -v -run 'TestCrashAt|TestCrashWithStore|TestStoreTwoOwners|TestVersionsCrash|TestOneFlippedBit|TestOneBitOfEachField' ./ingest/... ./shards ./crawl ./internal/cli
	MILLRACE_NIGHTLY=1 go test -count=1 -timeout 12h -v ./internal/sim/simlog -rapid.checks=20000

train-check: ## 3,000 steps: the model against counted n-grams
	MILLRACE_NIGHTLY=1 go test -count=1 -timeout 60m -v -run TestTrainCheck ./trainer

release: ## binaries for five systems in dist/, checksums, bills of materials; built twice, in two folders
	@mkdir -p .cache && go -C internal/tools build -o ../../.cache/release ./release && .cache/release -out dist

museum: ## NAME=v0.2: add corpora by this version to testdata/museum, which every test run opens and resumes
	go test -count=1 -run TestMuseum ./internal/cli -museum "$(NAME)"

docs-check: ## run every sh block of README.md and docs/ in a clean folder
	MILLRACE_DOCS=1 go test -count=1 -v -run TestBlocks ./internal/house

FUZZ ?= 60s
fuzz: ## each fuzz target for a minute, or for FUZZ=
	@.ci/fuzz $(FUZZ)

nightly: lint test kill kill-crawl faults store kafka kafka-conformance scale-out race-log restart parity parity-warc parity-robots parity-charset parity-ftfy race-polite race-crawl race-lang parity-fasttext race-extract race-pii parity-clean race-filters race-clean hostile steps bench-process docs-check train-check points fuzz ## everything
	@$(MAKE) -s kill-stream KILLS=3000
	@$(MAKE) -s fuzz FUZZ=10m
