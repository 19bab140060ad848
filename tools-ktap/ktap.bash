# SPDX-License-Identifier: GPL-2.0
# bash completion for ktap

_ktap_events()
{
	# one file of tracefs; nothing if it may not be read
	ktap -l "$1*" 2>/dev/null
}

_ktap_script_options()
{
	ktap "$1" --help 2>/dev/null | sed -n 's/^  \(--[A-Za-z0-9_-]*\).*/\1=/p'
}

_ktap()
{
	local cur=$2 prev=$3 word script='' i
	local letters='-e -s -o -T -p -C -G -c -q -v -l -d -w -V -h'
	local options='--exec --simple --output --json --time --pid --cpu --cgroup --cmd --quiet
		--verbose --list --dump --dry-run --compile --self-test --write --buffer-kb
		--mem-limit --main-budget --handler-budget --device --tracefs --version --help'

	# what comes before: is the script there, does a command begin?
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--)	COMPREPLY=($(compgen -c -- "$cur"))
			return ;;
		-e|--exec|-s|--simple|-o|--output|-p|--pid|-C|--cpu|-G|--cgroup|-c|--cmd|--compile|\
		--buffer-kb|--mem-limit|--main-budget|--handler-budget|--device|--tracefs)
			((i++)) ;;
		-*)	;;
		*)	script=${script:-$word} ;;
		esac
	done

	case $prev in
	-p|--pid)
		COMPREPLY=($(compgen -W "$(cd /proc && echo [0-9]*)" -- "$cur"))
		return ;;
	-C|--cpu)
		COMPREPLY=($(compgen -W "$(sed -n 's/^processor[^0-9]*//p' /proc/cpuinfo)" -- "$cur"))
		return ;;
	-G|--cgroup)
		COMPREPLY=($(cd /sys/fs/cgroup 2>/dev/null && compgen -d -- "$cur"))
		return ;;
	-c|--cmd)
		COMPREPLY=($(compgen -c -- "$cur"))
		return ;;
	-s|--simple|-l|-le|-lv|--list)
		COMPREPLY=($(_ktap_events "$cur"))
		return ;;
	-o|--output|--compile|--device|--tracefs|-lf|-lm|-lfv|-lmv)
		COMPREPLY=($(compgen -f -- "$cur"))
		return ;;
	-e|--exec|--buffer-kb|--mem-limit|--main-budget|--handler-budget)
		return ;;
	esac

	if [[ $script ]]; then
		if [[ $cur == --* ]]; then
			COMPREPLY=($(compgen -W "$(_ktap_script_options "$script")" -- "$cur"))
			# a value follows the =
			[[ ${#COMPREPLY[@]} -ne 1 || ! $COMP_TYPE ]] || compopt -o nospace
		else
			COMPREPLY=($(compgen -f -- "$cur"))
		fi
	elif [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$letters $options -le -lv -lf -lm -qq" -- "$cur"))
	else
		COMPREPLY=($(compgen -f -X '!*.kp*' -- "$cur") $(compgen -d -- "$cur"))
	fi
}

complete -o filenames -F _ktap ktap
