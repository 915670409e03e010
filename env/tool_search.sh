# Searches the files below a path with a regular expression.
# Usage: sh -c "$script" search <work dir> <path> <pattern> [<glob>]
# Prints file:line:text, with names relative to the work dir where they are in
# it. Exits with 0 for matches, 1 for none, 2 for a mistake in the call.
work=$1 path=$2 pattern=$3 glob=${4-}

if [ ! -e "$path" ]; then
	echo "The path $path does not exist."
	exit 2
fi
cd "$work" 2>/dev/null || cd / || exit 2
case $path in
"$work") rel=. ;;
"$work"/*) rel=${path#"$work"/} ;;
*) rel= ;;
esac

# git grep knows what is worth searching. It is right only in the repository,
# and where nobody asks for ignored files.
if [ -n "$rel" ] && [ -e .git ] && ! git check-ignore -q -- "$rel" 2>/dev/null &&
	case $rel in .git | .git/*) false ;; esac then
	set -- "$rel"
	if [ -n "$glob" ] && [ -d "$path" ]; then
		escaped=$(printf '%s' "$rel" | sed 's/[][*?\\]/\\&/g')
		case $rel in
		.) set -- ":(glob)**/$glob" ;;
		*) set -- ":(glob)$escaped/**/$glob" ;;
		esac
		GIT_LITERAL_PATHSPECS=0
	else
		GIT_LITERAL_PATHSPECS=1
	fi
	export GIT_LITERAL_PATHSPECS
	exec git -c grep.fullName=false -c grep.column=false -c core.quotePath=false \
		grep --untracked -I -n -E --no-color -e "$pattern" -- "$@"
fi

set -- -r -H -n -I -E --exclude-dir=.git
[ -z "$glob" ] || [ ! -d "$path" ] || set -- "$@" "--include=$glob"
set -- "$@" -e "$pattern" --
[ "$rel" = . ] || set -- "$@" "${rel:-$path}"
exec grep "$@"
