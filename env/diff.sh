# Compares the work tree of a repository with a commit.
#
# Usage: sh -c "$script" diff <work dir> <commit> <text|binary|tree>
#
# Prints a git diff, with every file as a binary one if so asked, or the hash
# of the work tree's git tree. Untracked files belong to the work tree, ignored
# ones do not. The index stays as it is, and new objects are thrown away. The
# result does not depend on configuration, except on the attributes that the
# repository itself gives its files.

dir=$1 start=$2 form=$3
unset GIT_DIR GIT_WORK_TREE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
cd "$dir" && git=$(git rev-parse --absolute-git-dir) || exit 1
t=$git/apprentice.$$
mkdir -p "$t/objects" || exit 1
trap 'rm -rf "$t"' EXIT

g() {
	git -c core.hooksPath=/dev/null -c core.fsmonitor=false -c core.excludesFile=/dev/null \
		-c core.attributesFile="$t/attributes" -c core.safecrlf=false -c core.autocrlf=false \
		-c core.splitIndex=false -c core.quotePath=true -c gc.auto=0 \
		-c diff.suppressBlankEmpty=false "$@"
}

[ "$form" != binary ] || echo '* -diff' >"$t/attributes"
[ ! -e "$git/index" ] || cp "$git/index" "$t/index" || exit 1
GIT_INDEX_FILE=$t/index
GIT_ALTERNATE_OBJECT_DIRECTORIES=$(git rev-parse --git-path objects)
case $GIT_ALTERNATE_OBJECT_DIRECTORIES in
/*) ;;
*) GIT_ALTERNATE_OBJECT_DIRECTORIES=$PWD/$GIT_ALTERNATE_OBJECT_DIRECTORIES ;;
esac
GIT_OBJECT_DIRECTORY=$t/objects
export GIT_INDEX_FILE GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_OBJECT_DIRECTORY

# One file that cannot be added, such as a folder with an empty repository in
# it, must not cost the rest.
if ! g add -A >"$t/said" 2>&1; then
	g add -A --ignore-errors >"$t/said" 2>&1
	[ $? -le 1 ] || { cat "$t/said"; exit 1; }
fi

if [ "$form" = tree ]; then
	g write-tree
	exit
fi
g diff --cached --binary --full-index --no-color --no-ext-diff --no-textconv --no-renames \
	--src-prefix=a/ --dst-prefix=b/ --unified=3 --inter-hunk-context=0 --diff-algorithm=myers \
	--indent-heuristic -O/dev/null --ignore-submodules=none --submodule=short --no-relative "$start" -- 2>"$t/said" || {
	cat "$t/said"
	exit 1
}
