# Looks whether a task can be placed in this sandbox: at its programs, and at
# what stands in the work dir.
# Usage: sh -c "$script" probe <work dir> <image|archive|none> <program>...
# With none it looks for the programs only.
work=$1 source=$2
shift 2
for program; do
	if ! command -v "$program" >/dev/null 2>&1; then
		echo "$program"
		exit 10
	fi
done
case $source in
archive)
	if [ -e "$work" ] && [ -n "$(ls -A "$work" 2>&1)" ]; then
		echo "$work is not empty in this sandbox; the repository of the task belongs there"
		exit 11
	fi
	;;
image)
	if [ ! -e "$work/.git" ]; then
		echo "there is no git repository in $work; the image must hold one, or the task must bring its own"
		exit 11
	fi
	;;
esac
