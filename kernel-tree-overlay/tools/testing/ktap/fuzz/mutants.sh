#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Are bugs found?  Puts each bug of mutants.txt into a copy of the sources,
# builds the fuzz targets with it, and runs them.
#	mutants.sh run TREE DIR TIME [NAME...]	TIME seconds for each bug at most, on one
#						CPU; all works in DIR; TAP
#	mutants.sh apply TREE			can each still be put in?  TAP
# What was built in TREE's tools/testing/ktap is used, if it is there.
set -u
here=$(cd "$(dirname "$0")" && pwd)
mode=$1
tree=$(cd "$2" && pwd)
shift 2

# target, percent of the time, longest input
targets="
	ops	5	160
	image	10	2048
	data	25	600
	vm	60	4096
"

sources="kernel/trace/ktap tools/ktap tools/testing/ktap tools/include
	include/uapi/linux/ktap.h include/uapi/asm-generic samples/ktap"

# apply NAME: change the copy; a bug that does not fit any more is a failure
apply()
{
	perl - "$here/mutants.txt" "$1" <<'EOF'
use strict;
my ($list, $name) = @ARGV;
my ($on, $file, $old, $new) = (0);

sub change {
	return unless defined $file && ($old ne "" || $new ne "");
	local $/;
	open(my $in, '<', $file) or die "$file: $!\n";
	my $text = <$in>;
	close $in;
	my $n = () = $text =~ /^\Q$old\E/mg;
	die "$name: found $n times in $file:\n$old" if $n != 1;
	$text =~ s/^\Q$old\E/$new/m;
	# a new file: the old one may have other links
	open(my $out, '>', "$file.new") or die "$file.new: $!\n";
	print $out $text;
	close $out or die "$file.new: $!\n";
	rename("$file.new", $file) or die "$file: $!\n";
}

open(my $f, '<', $list) or die "$list: $!\n";
my $found = 0;
while (<$f>) {
	if (/^== (\S+)/) {
		change() if $on;
		$on = $1 eq $name;
		$found ||= $on;
		($file, $old, $new) = (undef, "", "");
	} elsif ($on && /^@ (\S+)/) {
		change();
		($file, $old, $new) = ($1, "", "");
	} elsif ($on && /^([-+ ])(.*\n)/) {
		$old .= $2 if $1 ne '+';
		$new .= $2 if $1 ne '-';
	}
}
change() if $on;
die "no bug is called $name\n" unless $found;
EOF
}

# run NAME: prints what found it, and how fast
run()
{
	local bin=$dir/tree/tools/testing/ktap/build/fuzz t part len start=$EPOCHREALTIME
	# shellcheck disable=SC2086 # words
	set -- "$1" $targets
	local name=$1
	shift
	while [ $# -gt 0 ]; do
		t=$1 part=$2 len=$3
		shift 3
		if [ "$part" -eq 0 ] || [ ! -x "$bin/fuzz-$t" ]; then
			continue
		fi
		mkdir -p "$bin/seeds/$t" "$dir/corpus"
		"$bin/fuzz-$t" -max_len="$len" -entropic=0 -timeout=20 -rss_limit_mb=2000 \
			-seed=1 -print_final_stats=1 -artifact_prefix="$dir/$name-" \
			-max_total_time=$((time * part / 100 + 1)) "$bin/seeds/$t" \
			>"$dir/$name-$t.log" 2>&1 && continue
		awk -v t="fuzz-$t" -v a="$start" -v b="$EPOCHREALTIME" \
			'BEGIN { printf "%s, %.0f s", t, b - a }'
		grep -m 1 -h -o -E '(not true|runtime error|ERROR: AddressSanitizer|ERROR: libFuzzer|WARNING): .*' \
			"$dir/$name-$t.log" | sed 's/ on .*//; s/^/: /; s/ (pc.*//'
		return 0
	done
	return 1
}

mapfile -t names < <(sed -n 's/^== \([^ ]*\).*/\1/p' "$here/mutants.txt")

if [ "$mode" = apply ]; then
	dir=$(mktemp -d)
	broken=0
	mapfile -t files < <(sed -n 's/^@ //p' "$here/mutants.txt" | sort -u)
	for name in "${names[@]}"; do
		(cd "$tree" && cp --parents "${files[@]}" "$dir")
		(cd "$dir" && apply "$name") 2>"$dir/log" && continue
		sed 's/^/# /' "$dir/log"
		broken=$((broken + 1))
	done
	rm -rf "$dir"
	echo "1..1"
	[ "$broken" -eq 0 ] || printf 'not '
	echo "ok 1 - mutants: $((${#names[@]} - broken)) of ${#names[@]} apply"
	[ "$broken" -eq 0 ]
	exit
fi

dir=$1 time=$2
shift 2
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
[ $# -eq 0 ] || names=("$@")
rm -rf "$dir/plain"
mkdir -p "$dir/plain"
# shellcheck disable=SC2086 # words
(cd "$tree" && cp -a --parents $sources "$dir/plain")
make -s -C "$dir/plain/tools/testing/ktap" fuzz-build >"$dir/build.log" 2>&1 || {
	echo "Bail out! the fuzz targets do not build, see $dir/build.log"
	exit 1
}
echo "1..${#names[@]}"
n=0 found=0 broken=0
for name in "${names[@]}"; do
	n=$((n + 1))
	rm -rf "$dir/tree"
	cp -a "$dir/plain" "$dir/tree"
	if ! (cd "$dir/tree" && apply "$name") 2>"$dir/$name.log"; then
		broken=$((broken + 1))
		sed 's/^/# /' "$dir/$name.log"
		echo "not ok $n - $name: does not apply"
		continue
	fi
	# the seeds are those of the right sources
	if ! make -s -C "$dir/tree/tools/testing/ktap" fuzz-targets >"$dir/$name.log" 2>&1; then
		broken=$((broken + 1))
		echo "not ok $n - $name: does not build, see $dir/$name.log"
		continue
	fi
	if by=$(run "$name"); then
		found=$((found + 1))
		echo "ok $n - $name: $by"
	else
		echo "not ok $n - $name: not found"
	fi
done
echo "# mutants: $found of $n found, $broken do not apply"
[ "$found" -eq "$n" ]
