# The heart of a shell session: bash reads NUL-terminated scripts, evaluates
# each in this very shell, and reports its state after each one: "next" or
# "last", the exit status, the directory and the exported variables, each
# closed by a NUL byte. The descriptors are out of the way of scripts that use
# 3 and 4 themselves, and closed while a script runs, so that nothing that it
# starts holds them.
#
# Where exit is called in a function, bash runs the EXIT trap before it opens
# the descriptors again. Then the report goes through the supervisor's end of
# the pipe, whose descriptor is $1.
exec 198<&3 199>&4 3<&- 4>&-
__apprentice_reports=/proc/$PPID/fd/$1
__apprentice_report() {
	printf '%s\0%s\0%s\0' "$1" "$2" "$PWD" >&199
	export -p >&199
	printf '\0' >&199
}
__apprentice_last() {
	# A job that is killed before it has shed the trap runs it as well.
	[ "$BASHPID" = "$$" ] || return
	{ : >&199 || exec 199>"$__apprentice_reports"; } 2>/dev/null
	__apprentice_report last "$1" 2>/dev/null
}
trap '__apprentice_last "$?"' EXIT
while IFS= read -r -d '' -u 198 __apprentice_script; do
	eval "$__apprentice_script" </dev/null 198<&- 199>&-
	{ __apprentice_report next "$?"; } 2>/dev/null
done
trap - EXIT
