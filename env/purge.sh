# Puts a repository at a base commit, removes everything newer than that
# commit, and proves that nothing newer is left.
#
# Usage: sh -c "$script" purge <work dir> <base commit> <image|archive>
#
# An image's repository is put at the base commit and purged. An archive's was
# made without anything newer, so that it only has to pass the proof. Files in
# the work tree are not touched, unless an image's HEAD was another commit.
#
# Prints "start <commit>" and exits with 0; exits with 11 when there is no
# usable repository, and the output says why; exits with 12 when something is
# left, and each line "leak <what>" names it.

dir=$1 base=$2 source=$3
LC_ALL=C GIT_NO_REPLACE_OBJECTS=1
export LC_ALL GIT_NO_REPLACE_OBJECTS
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES

refuse() {
	printf '%s\n' "$*"
	exit 11
}

# No hook, monitor or background job of the repository takes part, and no
# reflog is written.
g() {
	git -c core.hooksPath=/dev/null -c core.fsmonitor=false -c core.logAllRefUpdates=false \
		-c core.excludesFile=/dev/null -c core.safecrlf=false -c gc.auto=0 -c maintenance.auto=false \
		-c advice.detachedHead=false "$@"
}

cd "$dir" || refuse "there is no folder $dir"
[ -e .git ] || refuse "there is no git repository in $dir"
[ -d .git ] || refuse "$dir/.git is a file that leads to a repository elsewhere; the image must hold the repository itself"
if ! g rev-parse --git-dir >/dev/null 2>&1; then
	# Most likely it belongs to another user, whom git does not trust.
	git config --global --add safe.directory "$dir"
	said=$(g rev-parse --git-dir 2>&1) || refuse "$said"
fi
[ "$(g rev-parse --is-inside-work-tree)" = true ] || refuse "the repository in $dir has no work tree"
g cat-file -e "$base^{commit}" 2>/dev/null || refuse "commit $base is not in the repository in $dir"

t=.git/apprentice.$$
mkdir "$t" || exit 1
trap 'rm -rf "$t"' EXIT

# --- purge -------------------------------------------------------------------

# What SWE-bench's image builds put on top of the base commit: the changes of
# the installation, or nothing.
is_build() {
	[ "$(g log -1 --format='%P %ae %s' "$1")" = "$base setup@swebench.config SWE-bench" ]
}

go_to_start() {
	rm -rf .git/info/grafts .git/index.lock .git/HEAD.lock .git/rebase-merge .git/rebase-apply .git/sequencer
	rm -f .git/MERGE_* .git/CHERRY_PICK_HEAD .git/REVERT_HEAD .git/BISECT_* .git/AUTO_MERGE
	start=$base
	head=$(g rev-parse -q --verify 'HEAD^{commit}')
	if [ "$head" != "$base" ]; then
		if [ -n "$head" ] && is_build "$head"; then
			start=$head
		else
			said=$(g checkout -q --detach "$base" 2>&1) || refuse "checking out $base: $said"
		fi
	fi
}

drop_refs() {
	g reflog expire --expire=now --expire-unreachable=now --all
	g update-ref --no-deref HEAD "$start" # detached: every branch can go
	# Symbolic refs first: what is deleted through one is its target.
	g for-each-ref --format='%(symref) %(refname)' | sed -n 's/^refs[^ ]* //p' | while read -r ref; do
		g symbolic-ref -d "$ref"
	done
	# A tag is kept if its commit is in the history, whatever its date.
	g for-each-ref --merged="$start" --format='%(refname)' refs/tags | sort >"$t/keep"
	g for-each-ref --format='%(refname)' | sort | comm -23 - "$t/keep" | sed 's/^/delete /' | g update-ref --stdin
	g remote | while read -r name; do
		g remote remove "$name"
	done
	g config --local --name-only --get-regexp '^(branch|remote)\.' | sed 's/\.[^.]*$//' | sort -u | while read -r section; do
		g config --local --remove-section "$section"
	done
	g update-ref refs/heads/main "$start" && g symbolic-ref HEAD refs/heads/main
}

# The policy starts from a clean tree: what the image's build changed and did
# not commit becomes a commit of its own, which any later patch leaves out.
commit_leftovers() {
	if [ -n "$(g status --porcelain)" ]; then
		g add -A --ignore-errors
		when=$(g log -1 --format=%cI "$base")
		tree=$(g write-tree) && start=$(
			GIT_AUTHOR_NAME=apprentice GIT_AUTHOR_EMAIL=apprentice@localhost GIT_AUTHOR_DATE=$when \
				GIT_COMMITTER_NAME=apprentice GIT_COMMITTER_EMAIL=apprentice@localhost GIT_COMMITTER_DATE=$when \
				git commit-tree -p "$start" -m 'Changes that the build of the image made' "$tree"
		) && g update-ref refs/heads/main "$start"
	fi
	g read-tree --reset HEAD # drops what only the index remembers
}

drop_files() {
	rm -rf .git/logs .git/worktrees .git/rr-cache .git/lost-found .git/branches .git/remotes \
		.git/objects/info/commit-graph .git/objects/info/commit-graphs
	# Packs that are marked (kept, or from a partial clone) are never repacked.
	rm -f .git/*_HEAD .git/*_EDITMSG .git/SQUASH_MSG .git/gc.log .git/objects/pack/*.keep .git/objects/pack/*.promisor
	g config --local --unset-all extensions.partialClone
}

# --- proof -------------------------------------------------------------------

# Lists in $t/objects what HEAD and the tags do not reach. Every tag that is
# left is in HEAD's history; see list_rest.
list_objects() {
	g cat-file --batch-all-objects --batch-check='%(objectname)' >"$t/all" || return 1
	g rev-list --objects HEAD --tags >"$t/reached" || return 1
	cut -d ' ' -f 1 "$t/reached" | sort -u >"$t/reached.sorted"
	sort -u "$t/all" | comm -23 - "$t/reached.sorted" >"$t/objects"
}

list_rest() {
	head=$(g rev-parse HEAD)
	[ "$(g symbolic-ref -q HEAD)" = refs/heads/main ] || echo "HEAD is not on branch main"
	[ "$head" = "$start" ] || echo "HEAD is at $head"
	g merge-base --is-ancestor "$base" HEAD || echo "HEAD does not come from the base commit"
	g for-each-ref --merged=HEAD --format='%(refname)' refs/tags | sort >"$t/keep"
	g for-each-ref --format='%(refname)' | sort | comm -23 - "$t/keep" | grep -vx refs/heads/main | sed 's/^/ref /'
	g remote | sed 's/^/remote /'
	g diff-index --cached --quiet HEAD || echo "the index differs from HEAD"
	[ ! -d .git/logs ] || find .git/logs -type f -size +0 | sed 's/^/reflog /'
	for f in .git/*_HEAD .git/worktrees/* .git/info/grafts; do
		[ ! -e "$f" ] || echo "$f"
	done
	[ ! -s .git/objects/info/alternates ] || sed 's/^/objects borrowed from /' .git/objects/info/alternates
}

if [ "$source" = image ]; then
	go_to_start
	drop_refs
	commit_leftovers
	drop_files
	list_objects || refuse "the objects of the repository in $dir cannot be listed"
	if [ -s "$t/objects" ]; then
		g repack -a -d -q
		g prune --expire=now
	fi
else
	start=$base
	[ -z "$(g status --porcelain)" ] || refuse "the work tree in $dir is not that of $base: $(g status --porcelain)"
fi

list_objects || refuse "the objects of the repository in $dir cannot be listed"
list_rest >"$t/rest"
if [ -s "$t/objects" ] || [ -s "$t/rest" ]; then
	sed 's/^/leak /' "$t/rest" | head -n 20
	head -n 20 "$t/objects" | g cat-file --batch-check='leak %(objecttype) %(objectname)'
	exit 12
fi
echo "start $start"
