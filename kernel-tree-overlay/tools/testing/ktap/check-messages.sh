#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# check-messages.sh TREE MESSAGES FILE...: does some test make each error and warning of
# the compiler, and each run-time error of the virtual machine, appear?  MESSAGES
# is the file that KTAP_MESSAGES named while the tests ran; FILEs are those of
# kernel/trace/ktap, without .c, that the host builds.  Prints TAP.
#
# The tags of the verifier are looked after by vmtest, which fails by itself when
# one of them has no bad image.

set -u
tree=$1
messages=$2
shift 2
files=$*
vm=$tree/kernel/trace/ktap
n=0
failed=0

result()
{
	n=$((n + 1))
	echo "$1 $n - $2"
	[ "$1" = ok ] || failed=$((failed + 1))
}

# the tags, as they are printed
tags()
{
	sed -n 's/^\tX(\([A-Z0-9_]*\),.*/\1/p' "$tree/tools/ktap/diag_tags.h" |
		tr 'A-Z_' 'a-z-'
}

# the formats of ktap_error(), one a line, of the files that the host builds
formats()
{
	for f in $files; do
		cat "$vm/$f.c"
	done | awk '
		# a call may have several lines
		/ktap_error\((x|check->x), / { text = ""; on = 1 }
		on { text = text $0 }
		on && /\);/ {
			on = 0
			sub(/.*ktap_error\([^,]*,/, "", text)
			# c ? "one" : "other", or the format alone
			if (match(text, /^[^"]*\?[ \t]*"[^"]*"[ \t]*:[ \t]*"[^"]*"/)) {
				both = substr(text, RSTART, RLENGTH)
				split(both, part, "\"")
				print part[2]
				print part[4]
			} else if (match(text, /"[^"]*"/)) {
				print substr(text, RSTART + 1, RLENGTH - 2)
			}
		}' | sort -u
}

# a format as a regular expression
pattern()
{
	printf '%s\n' "$1" | sed 's/[][\\.*^$+?(){}|]/\\&/g; s/%%/%/g; s/%[-0-9]*[.]*[a-z]*[diuxsc]/.*/g'
}

# what no script reaches, but the compiler had better look
never()
{
	# a script of 4 MiB, the longest, makes no 2^23 instructions
	[ "$1" = func-long ]
}

# what the environment of the host, host_env.c, has no way to bring about
not_here()
{
	case $1 in
	"event has no argument %u") ;;			# it gives nil
	"too many values to print at once") ;;		# it takes large events
	"'<<<' into an entry of another aggregation") ;;	# no script gets at these
	*)	return 1 ;;
	esac
}

echo "TAP version 13"
for tag in $(tags); do
	if grep -q -x "compile $tag" "$messages"; then
		result ok "some test sees the compiler's $tag"
	elif never "$tag"; then
		result ok "the compiler's $tag # SKIP no script reaches it"
	else
		result "not ok" "no test sees the compiler's $tag"
	fi
done
formats >"$messages.formats"
while IFS= read -r format; do
	if grep -q -E "^run .*: error: $(pattern "$format")" "$messages"; then
		result ok "some test sees '$format'"
	elif not_here "$format"; then
		result ok "'$format' # SKIP not on the host"
	else
		result "not ok" "no test sees '$format'"
	fi
done <"$messages.formats"
rm -f "$messages.formats"
echo "1..$n"
echo "# messages: $((n - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
