# SPDX-License-Identifier: GPL-2.0
#
# Sourced by the tests of ktap: starts and ends sessions, and says what came
# out of them.  A test is a line
#
#	check "what it shows" COMMAND...
#
# and what ktap printed is shown when it fails.

here=$(cd "$(dirname "$0")" && pwd)
cd "$here" || exit 1
# shellcheck source=/dev/null
. ../kselftest/ktap_helpers.sh

act=$here/act
samples=$here/ktap
[ -d "$samples" ] || samples=$here/../../../../samples/ktap
tracefs=/sys/kernel/tracing
out=''
err=''
status=''

# plan N: begin a test script with N tests
plan()
{
	ktap_print_header
	if [ "$(id -u)" -ne 0 ]; then
		ktap_skip_all "not root"
		exit "$KSFT_SKIP"
	fi
	[ -e /dev/ktap ] || modprobe ktapvm 2>/dev/null
	if [ ! -e /dev/ktap ]; then
		ktap_skip_all "no /dev/ktap"
		exit "$KSFT_SKIP"
	fi
	if ! command -v ktap >/dev/null; then
		ktap_skip_all "no ktap in PATH"
		exit "$KSFT_SKIP"
	fi
	tmp=$(mktemp -d -t ktap-test.XXXXXX) || exit 1
	trap 'rm -rf "$tmp"' EXIT
	ktap_set_plan "$1"
	# a kernel with so many checks that everything takes longer; asked once,
	# since the file is long
	slow=''
	grep -q -w kasan_report /proc/kallsyms && slow=y
	echo "ktap selftest: $(basename "$0")" >/dev/kmsg
}

# absent WHY: none of the tests can be done here that have not been
absent()
{
	while [ $((KTAP_CNT_PASS + KTAP_CNT_FAIL + KTAP_CNT_SKIP)) -lt "$KSFT_NUM_TESTS" ]; do
		skip "$1"
	done
	ktap_finished
}

# scaled FAST SLOW: one of them, by the kernel
scaled()
{
	if [ "$slow" ]; then echo "$2"; else echo "$1"; fi
}

show()
{
	for f in "$out" "$err"; do
		[ -s "$f" ] || continue
		echo "# $(basename "$f"), $(wc -l <"$f") lines:"
		head -n 20 "$f" | cut -c 1-200 | sed 's/^/#   /'
	done
}

pass()
{
	ktap_test_pass "$1"
}

fail()
{
	echo "# status: $status"
	show
	ktap_test_fail "$1"
}

skip()
{
	ktap_test_skip "$1"
}

# check NAME COMMAND...: the test passes if COMMAND succeeds
check()
{
	name=$1
	shift
	if "$@"; then
		pass "$name"
	else
		echo "# failed: $*" | cut -c 1-300
		fail "$name"
	fi
}

# all COMMAND... [--and COMMAND...]...: do all of them succeed?
all()
{
	while [ $# -gt 0 ]; do
		# the words up to the next --and, by number: no process is
		# started for it, which a slow kernel would take long for
		command='' text='' words=0
		for word; do
			[ "$word" != --and ] || break
			words=$((words + 1))
			command="$command \"\${$words}\""
			text="$text $word"
		done
		if ! eval "$command"; then
			echo "# not so:$text" | cut -c 1-300
			return 1
		fi
		shift $words
		[ $# -eq 0 ] || shift
	done
}

not()
{
	! "$@"
}

# said TEXT: is there such a line, exactly, in the output?
said()
{
	grep -q -x -F -e "$1" "$out"
}

# complained PATTERN: does stderr have it?
complained()
{
	grep -q -i -E -e "$1" "$err"
}

# is NUMBER OP NUMBER
is()
{
	if test "$1" "$2" "$3"; then
		return 0
	fi
	echo "# it is $1"
	return 1
}

# no_loss: stderr does not report any
no_loss()
{
	! grep -q -E 'lost|dropped|given up|missed|strings? cut|reads? of memory|under way' "$err"
}

# dropped: how many updates of tables are reported as lost. New keys that come faster
# than memory is made ready for them are; a count in a table may be short by so many.
dropped()
{
	sed -n 's/^ktap: \([0-9]*\) table updates* dropped.*/\1/p' "$err" |
		awk '{ n += $1 } END { print n + 0 }'
}

# sh -c "$outlived" sh COMMAND...: for where two sources of one event are compared. A
# session ends with its command, which may be between the two handlers of the last that
# the command does: to tell its parent, and to give up its CPU. So COMMAND is not the
# last one, and the handlers ask for its name.
outlived='"$@"; sleep 0.3; :'

# run ARGUMENTS...: ktap, to its end, but not longer than a minute (three)
run()
{
	out=$tmp/out
	err=$tmp/err
	: >"$out"
	: >"$err"
	timeout -s KILL "$(scaled 60 180)" ktap "$@" >"$out" 2>"$err"
	status=$?
}

# Sessions in the background have a name; use NAME sets $out, $err and $pid.
use()
{
	out=$tmp/$1.out
	err=$tmp/$1.err
	pid=$(cat "$tmp/$1.pid")
}

# launch NAME ARGUMENTS...: ktap in the background
launch()
{
	session=$1
	shift
	out=$tmp/$session.out
	err=$tmp/$session.err
	: >"$out"
	: >"$err"
	# a shell starts such a process with SIGINT ignored
	"$act" sigdfl ktap "$@" >"$out" 2>"$err" &
	pid=$!
	echo $pid >"$tmp/$session.pid"
}

# wait_for SECONDS COMMAND...: until it succeeds
wait_for()
{
	tries=$(($1 * 10))
	shift
	until "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}

started()
{
	grep -q '^Tracing' "$err" || ! kill -0 "$pid" 2>/dev/null
}

# start NAME ARGUMENTS...: ktap in the background, and wait for its events
start()
{
	launch "$@"
	wait_for 60 started
	if ! grep -q '^Tracing' "$err"; then
		echo "# it did not start tracing: ktap $*" | cut -c 1-300
		show
		return 1
	fi
}

# stop NAME [SIGNAL]: end it as Ctrl-C does
stop()
{
	use "$1"
	kill -s "${2:-INT}" "$pid" 2>/dev/null
	finish "$1"
}

alive()
{
	kill -0 "$pid" 2>/dev/null
}

dead()
{
	! alive
}

# finish NAME: wait for its end, for a minute (three) at most
finish()
{
	use "$1"
	# not to our output: who reads that would wait for the sleep to end
	( sleep "$(scaled 60 180)"; kill -KILL "$pid" ) >/dev/null 2>&1 &
	guard=$!
	wait "$pid"
	status=$?
	kill "$guard" 2>/dev/null
	wait "$guard" 2>/dev/null
	return 0
}

# nothing_left: does no file of the device remain open, where that can be seen?
nothing_left()
{
	users=$(awk '$1 == "ktapvm" { print $3 }' /proc/modules)
	[ "${users:-0}" -eq 0 ]
}

# clean [NAME [KNOWN]]: has the kernel not complained since the test began, but for
# warnings of a place that is known for them? An NMI that comes in __switch_to(), when
# the stack is the next task's and current is not, has the unwinder warn, once: perf's too.
clean()
{
	dmesg | awk -v mark="ktap selftest: ${1:-$(basename "$0")}" -v known="${2:-^$}" '
		index($0, mark) { n = 0; marked = 1; nmis = 0; next }
		/ktap selftest: NMIs/ { nmis = 1; next }
		/WARNING:/ && $0 ~ known { next }
		nmis && /WARNING: kernel stack regs at .* has bad .bp. value/ { next }
		/BUG:|WARNING:|Oops|KASAN:|UBSAN:|ODEBUG:|general protection/ { n++ }
		/INFO: (task|possible|trying)|rcu.*(stall|starved)|soft lockup/ { n++ }
		/possible (circular|recursive)|suspicious RCU|inconsistent lock/ { n++ }
		END { exit n != 0 || !marked }'
}

# with_events EVENT...: does this kernel have all of them?
has_events()
{
	for event; do
		[ -d "$tracefs/events/$(echo "$event" | tr : /)" ] || return 1
	done
}
