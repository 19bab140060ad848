# SPDX-License-Identifier: GPL-2.0
# Every task of the project is a target here; what each does is in testing/ and
# scripts-checkpatch/. "make help" lists them.

KERNEL ?= plain
RUNTIME ?= 5
SCRIPT ?=
ARGS ?=
SHARE ?= .
KDIR ?=
# taken as they are: a $ in a command line is the shell's
override ARGS := $(value ARGS)
override SCRIPT := $(value SCRIPT)
export KERNEL RUNTIME SCRIPT ARGS SHARE KSRC KTAP_BUILD FUZZ_TIME MUTANT_TIME MUTANTS

.DEFAULT_GOAL := help
.PHONY: help
help: ## this list
	@echo 'Targets:'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | \
		while IFS="	" read -r t h; do printf '  %-16s %s\n' "$$t" "$$h"; done
	@echo 'Variables:'
	@echo '  SCRIPT=f.kp ARGS="..."  what make run runs; RUNTIME=seconds until its Ctrl-C (5; 0: none)'
	@echo '  KERNEL=plain|debug      which guest kernel (plain)'
	@echo '  FUZZ_TIME=seconds       how long make fuzz runs (600)'
	@echo '  MUTANT_TIME=seconds     how long make fuzz-mutants looks for each bug (120)'
	@echo '  MUTANTS="name ..."      which bugs (all of fuzz/mutants.txt)'
	@echo '  KSRC=tarball|tree       linux-6.12, instead of the package linux-source-6.12'
	@echo '  KTAP_BUILD=dir          where everything is built (build/)'

.PHONY: run shell guest deps pristine tree kernel tools selftests initramfs
run: kernel tools ## build what is needed, run SCRIPT (syscalls.kp) in the guest, show its output
	@testing/initramfs $(KERNEL)
	@testing/run

shell: guest ## a shell in the guest; SHARE=dir (this one) is /share
	@testing/shell

guest: kernel tools selftests ## all that a guest needs
	@testing/initramfs $(KERNEL)

deps: ## install the Debian packages that are missing
	@testing/deps

pristine: deps
	@testing/pristine

tree: pristine ## the patched kernel tree, build/tree
	@testing/tree

kernel: pristine ## the guest kernel, with the series
	@testing/build-kernel $(KERNEL)

tools: pristine ## the ktap compiler, build/tools/ktap
	@testing/build-tools

selftests: pristine ## the kernel selftests, build/kselftest
	@testing/build-selftests

initramfs: guest ## the guest's root file system

.PHONY: series check-series install-tree
series: pristine ## write series and patches/ from the sources
	@testing/series generate

install-tree: ## apply the series to a kernel tree of yours: KDIR=dir
	@testing/install-tree "$(KDIR)"

.PHONY: check check-static check-host check-kunit check-plain check-debug check-guest check-bisect
check: ## every test; ends with "N passed, N failed"
	@testing/check

check-static: pristine ## checkpatch, sparse, W=1, kernel-doc, coccinelle; series in step and applying
	@testing/check static

check-host: pristine ## the tests that need no kernel
	@testing/check host

check-kunit: pristine ## the kernel's unit tests, in the guest
	@testing/check kunit-plain kunit-debug

check-guest: pristine ## is testing/guest itself right?
	@testing/check guest

check-plain: pristine ## the selftests in the plain guest
	@testing/check selftests-plain

check-debug: pristine ## the selftests in the debug guest
	@testing/check selftests-debug

check-bisect: pristine ## each prefix of the series builds, with CONFIG_KTAP=n, m and y
	@scripts-checkpatch/bisect --full

.PHONY: fuzz fuzz-mutants
fuzz: pristine ## run the fuzz targets for FUZZ_TIME seconds (600)
	@testing/fuzz

fuzz-mutants: pristine ## do the fuzz targets find bugs that are put in? takes hours
	@testing/fuzz mutants

.PHONY: bench
bench: guest ## instructions that ktap adds to an event and takes to start
	@testing/bench/run

.PHONY: soak
soak: initramfs ## each function probed, 10,000 sessions, an hour; KERNEL=debug: two hours
	@testing/soak $(KERNEL)

.PHONY: clean distclean
clean: ## remove what was built, except the unpacked and patched kernel trees
	@testing/clean

distclean: ## remove the build directory
	@testing/clean --all
