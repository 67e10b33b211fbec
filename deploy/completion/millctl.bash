# SPDX-License-Identifier: Apache-2.0
# bash completion for millctl: the program itself knows what may follow.
_millctl()
{
	local words=("${COMP_WORDS[@]:1:COMP_CWORD-1}")
	COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" complete "${words[@]}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _millctl millctl
