# SPDX-License-Identifier: GPL-2.0
# Fuzz targets, included by ../Makefile:
#	make fuzz-build		the targets, build/fuzz/fuzz-*
#	make fuzz-check		each for a bounded number of executions; TAP
#	make fuzz FUZZ_TIME=600	all of them, two at a time; findings in build/fuzz/
# They need clang and its runtime (libclang-rt-14-dev).

FUZZ_CC ?= clang
FUZZ_OUT := $(OUTPUT)fuzz/
FUZZ_TARGETS := compiler image vm render ops fold
FUZZ_TIME ?= 60

# What counts here is executions per second.  So comparisons are not traced,
# which takes half of the time; seeds and dictionary have what they would find.
FUZZ_BASE := -std=gnu11 -D_GNU_SOURCE -pthread -O2 -g -fno-omit-frame-pointer \
	-fno-strict-aliasing -DSHIM_ALONE -DSHIM_REUSE -DARENA_BLOCK=1024 $(WARN)
FUZZ_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined
FUZZ_CFLAGS := $(FUZZ_BASE) $(FUZZ_SANITIZE) \
	-fsanitize-coverage=inline-8bit-counters,pc-table
FUZZ_INCLUDES := -Ifuzz -I. $(VM_CFLAGS)

FUZZ_OBJS := $(VM:%=$(FUZZ_OUT)vm-%.o) $(TOOL:%=$(FUZZ_OUT)tool-%.o) \
	$(FUZZ_OUT)shim.o $(FUZZ_OUT)host_env.o $(FUZZ_OUT)vmtest_asm.o \
	$(FUZZ_OUT)fuzz-common.o $(FUZZ_OUT)mutate.o
FUZZ_PROGS := $(FUZZ_TARGETS:%=$(FUZZ_OUT)fuzz-%) $(FUZZ_OUT)fuzz-seeds

$(FUZZ_OUT)vm-%.o: $(VM_DIR)/%.c $(HEADERS) fuzz/fuzz.mk | $(FUZZ_OUT)
	$(FUZZ_CC) $(FUZZ_CFLAGS) $(VM_CFLAGS) -c $< -o $@

$(FUZZ_OUT)tool-%.o: $(TOOL_DIR)/%.c $(HEADERS) fuzz/fuzz.mk | $(FUZZ_OUT)
	$(FUZZ_CC) $(FUZZ_CFLAGS) $(TOOL_CFLAGS) -c $< -o $@

$(FUZZ_OUT)shim.o: shim/shim.c $(HEADERS) fuzz/fuzz.mk | $(FUZZ_OUT)
	$(FUZZ_CC) $(FUZZ_CFLAGS) $(VM_CFLAGS) -c $< -o $@

# what is not under test is not looked after either
$(FUZZ_OUT)mutate.o: fuzz/mutate.c $(HEADERS) fuzz/fuzz.mk | $(FUZZ_OUT)
	$(FUZZ_CC) $(FUZZ_BASE) $(FUZZ_INCLUDES) -c $< -o $@

$(FUZZ_OUT)%.o: fuzz/%.c $(HEADERS) fuzz/fuzz.mk | $(FUZZ_OUT)
	$(FUZZ_CC) $(FUZZ_CFLAGS) $(FUZZ_INCLUDES) -c $< -o $@

$(FUZZ_OUT)%.o: %.c $(HEADERS) fuzz/fuzz.mk | $(FUZZ_OUT)
	$(FUZZ_CC) $(FUZZ_CFLAGS) $(VM_CFLAGS) -c $< -o $@

$(FUZZ_OUT)fuzz-seeds: $(FUZZ_OUT)fuzz-seeds.o $(FUZZ_OBJS)
	$(FUZZ_CC) $(FUZZ_BASE) $(FUZZ_SANITIZE) $^ -o $@

$(FUZZ_OUT)fuzz-%: $(FUZZ_OUT)fuzz-%.o $(FUZZ_OBJS)
	$(FUZZ_CC) $(FUZZ_BASE) $(FUZZ_SANITIZE) -fsanitize=fuzzer $^ -o $@

$(FUZZ_OUT):
	mkdir -p $@

fuzz-build: $(FUZZ_PROGS)

.PHONY: fuzz-build
