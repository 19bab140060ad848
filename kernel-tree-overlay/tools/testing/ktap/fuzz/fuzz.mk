# SPDX-License-Identifier: GPL-2.0
# Fuzz targets, included by ../Makefile:
#	make fuzz-build		the targets, build/fuzz/fuzz-*
#	make fuzz-check		each for a bounded number of executions; TAP
#	make fuzz FUZZ_TIME=600	all of them, two at a time; findings in FUZZ_DIR
#	make fuzz-mutants MUTANT_TIME=120	does that find bugs that were put in?  TAP
# They need clang and its runtime (libclang-rt-dev).

FUZZ_CC ?= clang
FUZZ_OUT := $(OUTPUT)fuzz/
FUZZ_TARGETS := compiler image vm data render ops fold program
FUZZ_TIME ?= 600
FUZZ_DIR ?= $(FUZZ_OUT)found
MUTANT_DIR ?= $(OUTPUT)mutants
MUTANT_TIME ?= 120
# names of some of mutants.txt; all, if there are none
MUTANTS ?=

# What counts here is executions per second.  So comparisons are not traced,
# which takes half of the time; seeds and dictionary have what they would find.
FUZZ_BASE := -std=gnu11 -D_GNU_SOURCE -pthread -O2 -g -fno-omit-frame-pointer \
	-fno-strict-aliasing -DSHIM_ALONE -DSHIM_REUSE -DARENA_BLOCK=1024 $(WARN)
FUZZ_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined
FUZZ_CFLAGS := $(FUZZ_BASE) $(FUZZ_SANITIZE) \
	-fsanitize-coverage=inline-8bit-counters,pc-table
# what goes through watch*.c first
FUZZ_WATCHED := pool_alloc pool_free pool_grow obj_init val_own val_lend str_alloc str_shrink set_str \
	table_sort table_top arena_ensure exec_attend env_attach
FUZZ_LDFLAGS := $(FUZZ_WATCHED:%=-Wl,--wrap=ktap_%) @$(FUZZ_OUT)builtins.list
FUZZ_INCLUDES := -Ifuzz -I. $(VM_CFLAGS)

FUZZ_OBJS := $(VM:%=$(FUZZ_OUT)vm-%.o) $(TOOL:%=$(FUZZ_OUT)tool-%.o) \
	$(PROGRAM:%=$(FUZZ_OUT)tool-%.o) \
	$(FUZZ_OUT)shim.o $(FUZZ_OUT)host_env.o $(FUZZ_OUT)host_lib.o $(FUZZ_OUT)vmtest_asm.o \
	$(FUZZ_OUT)fuzz-common.o $(FUZZ_OUT)mutate.o \
	$(FUZZ_OUT)watch.o $(FUZZ_OUT)watch_heap.o $(FUZZ_OUT)watch_builtins.o
FUZZ_PROGS := $(FUZZ_TARGETS:%=$(FUZZ_OUT)fuzz-%) $(FUZZ_OUT)fuzz-seeds

$(FUZZ_OUT)vm-%.o: $(VM_DIR)/%.c $(HEADERS) fuzz/fuzz.mk | $(FUZZ_OUT)
	$(FUZZ_CC) $(FUZZ_CFLAGS) $(VM_CFLAGS) -c $< -o $@

$(FUZZ_OUT)vm-lib_names.o: $(OUTPUT)uapi_names.h
$(FUZZ_OUT)vm-lib_names.o: VM_CFLAGS += -I$(OUTPUT)

$(FUZZ_OUT)tool-%.o: $(TOOL_DIR)/%.c $(HEADERS) fuzz/fuzz.mk | $(FUZZ_OUT)
	$(FUZZ_CC) $(FUZZ_CFLAGS) $(TOOL_CFLAGS) -c $< -o $@

$(FUZZ_OUT)shim.o: shim/shim.c $(HEADERS) fuzz/fuzz.mk | $(FUZZ_OUT)
	$(FUZZ_CC) $(FUZZ_CFLAGS) $(VM_CFLAGS) -c $< -o $@

# what is not under test is not looked after either, but tells the sanitizer
$(FUZZ_OUT)watch.o: FUZZ_BASE += -D__SANITIZE_ADDRESS__
$(FUZZ_OUT)mutate.o $(FUZZ_OUT)watch.o $(FUZZ_OUT)watch_heap.o $(FUZZ_OUT)watch_builtins.o: \
		$(FUZZ_OUT)%.o: fuzz/%.c $(HEADERS) fuzz/fuzz.mk | $(FUZZ_OUT)
	$(FUZZ_CC) $(FUZZ_BASE) $(FUZZ_INCLUDES) -c $< -o $@

$(FUZZ_OUT)%.o: fuzz/%.c $(HEADERS) fuzz/fuzz.mk | $(FUZZ_OUT)
	$(FUZZ_CC) $(FUZZ_CFLAGS) $(FUZZ_INCLUDES) -c $< -o $@

$(FUZZ_OUT)%.o: %.c $(HEADERS) fuzz/fuzz.mk | $(FUZZ_OUT)
	$(FUZZ_CC) $(FUZZ_CFLAGS) $(VM_CFLAGS) -c $< -o $@

$(FUZZ_OUT)builtins.list: $(TREE)/include/uapi/linux/ktap.h fuzz/fuzz.mk | $(FUZZ_OUT)
	sed -n 's/^\tX(\([A-Z0-9_]*\),[ \t]*"[a-z].*/-Wl,--wrap=ktap_bi_\1/p' $< >$@

$(FUZZ_OUT)fuzz-seeds: $(FUZZ_OUT)fuzz-seeds.o $(FUZZ_OBJS) $(FUZZ_OUT)builtins.list
	$(FUZZ_CC) $(FUZZ_BASE) $(FUZZ_SANITIZE) $(FUZZ_LDFLAGS) $(filter %.o,$^) $(LIBELF) -o $@

$(FUZZ_OUT)fuzz-%: $(FUZZ_OUT)fuzz-%.o $(FUZZ_OBJS) $(FUZZ_OUT)builtins.list
	$(FUZZ_CC) $(FUZZ_BASE) $(FUZZ_SANITIZE) -fsanitize=fuzzer $(FUZZ_LDFLAGS) $(filter %.o,$^) \
		$(LIBELF) -o $@

$(FUZZ_OUT):
	mkdir -p $@

fuzz-build: fuzz-targets $(FUZZ_OUT)seeds

fuzz-targets: $(FUZZ_PROGS)

# objects that several are made of
.SECONDARY: $(FUZZ_TARGETS:%=$(FUZZ_OUT)fuzz-%.o) $(FUZZ_OUT)fuzz-seeds.o

# Inputs to begin with, made of the scripts that there are
FUZZ_SCRIPTS := $(sort $(wildcard lang/*.kp $(TREE)/samples/ktap/*.kp)) \
	fuzz/corpus/scripts.txt fuzz/script.dict

$(FUZZ_OUT)seeds: $(FUZZ_OUT)fuzz-seeds $(FUZZ_SCRIPTS) $(OUTPUT)sample
	rm -rf $@
	mkdir -p $@/program
	$(FUZZ_OUT)fuzz-seeds $@ $(FUZZ_SCRIPTS)
	(printf f; cat $(OUTPUT)sample) >$@/program/file
	strip -o $@/stripped $(OUTPUT)sample
	(printf f; cat $@/stripped) >$@/program/stripped
	rm $@/stripped
	echo 'x-4@%edi 1@$$7 8@8(%rsi,%rdx,8) 8@%xmm0 -2@variable+2(%rip)' >$@/program/x86
	echo 'a-4@w0 8@[sp, 16] 1@7 8@[x1, x2, lsl 3] 8@d0' >$@/program/arm64

# clang may be there without what fuzzing needs of it
FUZZ_CAN := $(shell echo 'int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) { return 0; }' | \
	$(FUZZ_CC) -x c -fsanitize=fuzzer,address,undefined - -o /dev/null 2>/dev/null && echo y)

ifeq ($(FUZZ_CAN),y)
fuzz-check: fuzz-build
	@fuzz/run.sh check $(FUZZ_OUT) $(FUZZ_OUT)seeds

fuzz: fuzz-build
	@fuzz/run.sh long $(FUZZ_OUT) $(FUZZ_OUT)seeds $(FUZZ_DIR) $(FUZZ_TIME)

fuzz-mutants: fuzz-build
	@fuzz/mutants.sh run $(TREE) $(MUTANT_DIR) $(MUTANT_TIME) $(MUTANTS)
else
fuzz-check:
	@echo '1..1'
	@echo 'ok 1 # SKIP fuzz: needs clang and its sanitizers (libclang-rt-dev)'

fuzz fuzz-mutants:
	@echo 'fuzzing needs clang and its sanitizers (libclang-rt-dev)' >&2; false
endif

.PHONY: fuzz-build fuzz-targets fuzz-check fuzz fuzz-mutants
