# The heart of a shell session: bash reads NUL-terminated scripts, evaluates
# each in this very shell, and reports its state after each one: "next" or
# "last", the exit status, the directory and the exported variables, each
# closed by a NUL byte. The descriptors are out of the way of scripts that use
# 3 and 4 themselves.
exec 198<&3 199>&4 3<&- 4>&-
__apprentice_report() {
	printf '%s\0%s\0%s\0' "$1" "$2" "$PWD" >&199
	export -p >&199
	printf '\0' >&199
}
trap '__apprentice_report last "$?"' EXIT
while IFS= read -r -d '' -u 198 __apprentice_script; do
	eval "$__apprentice_script" </dev/null 198<&-
	{ __apprentice_report next "$?"; } 2>/dev/null
done
trap - EXIT
