package behaviour

import "testing"

func TestFilesAreViewed(t *testing.T) {
	check(t, []row{
		{"cat setup.cfg", "view cat < setup.cfg"},
		{"nl -ba lib/parse.py | sed -n '40,80p'", "view nl < lib/parse.py"},
		{"sed -n '1,40p' lib/a.py; sed -n 5p lib/b.py", "view sed < lib/a.py; view sed < lib/b.py"},
		{"head -n 20 a.txt b.txt", "view head < a.txt b.txt"},
		{"head -20 a.txt", "view head < a.txt"},
		{"tail -c +5 log", "view tail < log"},
		{"less README", "view less < README"},
		{"awk 'NR>=3 && NR<=9' x.c", "view awk < x.c"},
		{"awk -F: '{print $1}' /etc/passwd", "view awk < /etc/passwd"},
		{"wc -l *.go", "view wc < *.go"},
		{"cat < in.txt", "view cat < in.txt"},
		{"diff -u a.c b.c", "view(diff) diff < a.c b.c"},
		{"perl -ne 'print if 3..9' m.pl", "view perl < m.pl"},
		{"jq .name package.json", "view jq < package.json"},
		{"cat -A ./src/../src/a.py", "view cat < src/a.py"},
		{"cat a.py 2>/dev/null", "view cat < a.py"},
	})
}

func TestTextAndNamesAreSearched(t *testing.T) {
	check(t, []row{
		{"grep -rn 'def open' src tests", "search grep < src tests"},
		{"grep -R foo -n lib || true", "search grep < lib"},
		{"grep -A 3 -e one -e two f.py", "search grep < f.py"},
		{"grep --include='*.py' -n x .", "search grep < ."},
		{"rg -t py 'class \\w+' pkg", "search rg < pkg"},
		{"ag pattern dir", "search ag < dir"},
		{"git grep -n needle", "search(git) git"},
		{"find . -name '*.py' | head", "search find < ."},
		{"find src tests -type f -newer x | xargs grep -l func", "search grep < src tests"},
		{"find . -name '*.c' -exec grep -l main {} +", "search grep < ."},
		{"cat big.log | grep ERROR", "search(filter) cat < big.log"},
		{"ls -la | grep -i make", "search(filter) ls"},
		{"fd conftest tests", "search fd < tests"},
	})
}

func TestFoldersAreListed(t *testing.T) {
	check(t, []row{
		{"ls", "list ls"},
		{"ls -la src | head -50", "list ls < src"},
		{"tree -L 2 src", "list tree < src"},
		{"find src -maxdepth 2 -type d", "list find < src"},
		{"git ls-files src", "list(git) git < src"},
		{"cd core && ls", "list ls < core"},
		{"tar -tzf a.tgz", "list(archive) tar"},
	})
}

func TestFilesAreEdited(t *testing.T) {
	check(t, []row{
		{"cat > new.py <<'EOF'\nprint(1)\nEOF\n", "edit(here-document) cat > new.py"},
		{"cat <<EOF >> notes.txt\nmore $X\nEOF", "edit(here-document) cat > notes.txt"},
		{"tee out.cfg <<< 'a=1'", "edit(tee) tee > out.cfg"},
		{"sudo tee /etc/hosts > /dev/null <<EOF\n127.0.0.1 x\nEOF", "edit(here-document) tee > /etc/hosts"},
		{"echo 'a = 1' > conf.py", "edit(redirect) echo > conf.py"},
		{"printf '%s\\n' one two >> list.txt", "edit(append) printf > list.txt"},
		{"echo x >| forced.txt", "edit(redirect) echo > forced.txt"},
		{"echo x &> both.txt", "edit(redirect) echo > both.txt"},
		{"echo x >& both.txt", "edit(redirect) echo > both.txt"},
		{"> empty.txt", "edit(redirect)  > empty.txt"},
		{"sed -i 's/a/b/' lib/x.py lib/y.py", "edit(sed -i) sed > lib/x.py lib/y.py"},
		{"sed -i.bak -e 's/a/b/' -e 2d x", "edit(sed -i) sed > x"},
		{"sed -Ei 's/(a)/\\1/' x", "edit(sed -i) sed > x"},
		{"sed --in-place=.orig s/a/b/ x", "edit(sed -i) sed > x"},
		{"sed -i '' 's/a/b/' x", "edit(sed -i) sed > x"},
		{"sed 's/a/b/' x > y", "edit(redirect) sed < x > y"},
		{"perl -0pi -e 's/a\\n/b/' m.py", "edit(perl -i) perl > m.py"},
		{"perl -0777 -i.bak -pe 's/a/b/s' m.py", "edit(perl -i) perl > m.py"},
		{"perl -pe 's/a/b/' -i m.py", "edit(perl -i) perl > m.py"},
		{"awk -i inplace '{print}' t", "edit(awk -i) awk > t"},
		{"grep -rl old src | xargs sed -i 's/old/new/g'", "edit(sed -i) sed < src"},
		{"find . -name '*.py' -exec sed -i s/a/b/ {} \\;", "edit(sed -i) sed < ."},
		{"cat a.txt | tee b.txt", "edit(tee) tee < a.txt > b.txt"},
		{"patch -p1 < fix.diff", "edit(patch) patch < fix.diff"},
		{"patch -p1 <<'E'\n--- a/m.c\n+++ b/m.c\n@@ -1 +1 @@\n-a\n+b\nE", "edit(patch) patch > m.c"},
		{"git apply <<'E'\n--- a/m.c\n+++ b/m.c\n@@ -1 +1 @@\n-a\n+b\nE", "edit(git apply) git > m.c"},
		{"apply_patch <<'E'\n*** Begin Patch\n*** Update File: lib/a.py\n@@\n-x\n+y\n*** Add File: b.py\n+z\n*** End Patch\nE", "edit(apply_patch) apply_patch > lib/a.py b.py"},
		{"black src", "edit(formatter) black > src"},
		{"gofmt -w main.go", "edit(formatter) gofmt > main.go"},
		{"ruff check --fix src", "edit(formatter) ruff > src"},
		{"chmod +x run.sh", "edit(mode) chmod > run.sh"},
		{"vim -c '%s/a/b/g' -c wq f.txt", "edit(editor) vim > f.txt"},
		{"{ echo a; echo b; } > both.txt", "edit(redirect)  > both.txt"},
		{"for i in 1 2; do echo $i; done >> n.txt", "edit(append)  > n.txt"},
	})
}

func TestScriptsThatWriteAreEdits(t *testing.T) {
	check(t, []row{
		{"python - <<'PY'\nfrom pathlib import Path\np = Path('lib/m.py')\ns = p.read_text()\np.write_text(s.replace('a', 'b'))\nPY", "edit(python) python > lib/m.py"},
		{"python3 -c \"open('v.txt', 'w').write('1')\"", "edit(python) python3 > v.txt"},
		{"python - <<'PY'\nname = 'cfg.ini'\nwith open(name, mode='a') as f:\n    f.write('x')\nPY", "edit(python) python > cfg.ini"},
		{"python <<PY\nfrom pathlib import Path\n(Path('a') / 'b.py').write_text('')\nPY", "edit(python) python"},
		{"cd w && python - <<'PY'\nopen('x.py', 'w').write('')\nPY", "edit(python) python > w/x.py"},
		{"python - <<'PY'\nimport fileinput\nfor l in fileinput.input('f.py', inplace=True): print(l)\nPY", "edit(python) python"},
		{"python -c \"import os; os.remove('junk')\"", "delete(python) python > junk"},
		{"node -e \"require('fs').writeFileSync('a.js', '')\"", "edit(node) node > a.js"},
		{"cat > /tmp/fix.py <<'E'\nopen('lib/a.py','w').write('')\nE\npython /tmp/fix.py", "edit(here-document) cat > /tmp/fix.py; edit(python) python < /tmp/fix.py > lib/a.py"},
		{"cat > do.sh <<'E'\nrm old.txt\nE\nbash do.sh", "edit(here-document) cat > do.sh; delete rm > old.txt"},
		// What only writes in /tmp, or shows, or tries the project, is no edit.
		{"python -c \"open('/tmp/out', 'w').write('1')\"", "run(python) python > /tmp/out"},
		{"python - <<'PY'\nfrom pathlib import Path\ns = Path('lib/m.py').read_text()\nprint(s[:100])\nPY", "view(python) python < lib/m.py"},
		{"python - <<'PY'\nfrom proj.core import thing\nprint(thing(1))\nPY", "run(python) python"},
		{"python - <<'PY'\nimport pytest\npytest.main(['-q'])\nPY", "test(python) python"},
		{"python - <<'PY'\nfrom proj.tests.test_core import test_one\ntest_one()\nPY", "test(python) python"},
		{"python - <<'PY'\nimport pandas as pd\nprint(df.rename('x'))\nPY", "run(python) python"},
		{"python -c \"print('a'.replace('a', 'b'))\"", "run(python) python"},
	})
}

func TestFilesAreMadeRemovedAndMoved(t *testing.T) {
	check(t, []row{
		{"touch a b", "create touch > a b"},
		{"mkdir -p -m 755 build/x", "create mkdir > build/x"},
		{"cp -r src /tmp/backup", "create cp < src > /tmp/backup"},
		{"cp -t dest a b", "create cp < a b > dest"},
		{"ln -s a b", "create ln < a > b"},
		{"rm -rf build *.pyc", "delete rm > build *.pyc"},
		{"find . -name '*.orig' -delete", "delete find < . > ."},
		{"find . -name x | xargs rm -f", "delete rm < ."},
		{"git rm -q old.py", "delete(git) git > old.py"},
		{"git clean -fd", "delete(git) git"},
		{"mv a.py b.py", "move mv > a.py b.py"},
		{"git mv a b", "move(git) git > a b"},
		{"awk '{print}' f > /tmp/f && mv /tmp/f f", "edit(redirect) awk < f > /tmp/f; move mv > /tmp/f f"},
	})
}

func TestTestsAreRun(t *testing.T) {
	check(t, []row{
		{"pytest -q tests/test_a.py::TestX::test_y tests/test_a.py::test_z -k 'one or two'", "test pytest < tests/test_a.py"},
		{"python -m pytest -x 2>&1 | tail -20", "test pytest"},
		{"python3.11 -W ignore -m unittest discover -v", "test unittest"},
		{"pytest -q > /tmp/log 2>&1", "test pytest > /tmp/log"},
		{"pytest | tee log.txt", "test pytest > log.txt"},
		{"tox -e py39 -- -k x", "test tox"},
		{"go test ./...", "test go"},
		{"cargo test --lib", "test cargo"},
		{"mvn -q test -Dtest=FooTest", "test mvn"},
		{"./gradlew :core:check", "test gradlew"},
		{"npm test -- --watch=false", "test npm"},
		{"npm run test:unit", "test npm"},
		{"yarn jest src", "test yarn"},
		{"npx jest a.test.js", "test jest"},
		{"make -C sub test", "test make"},
		{"make check-all", "test make"},
		{"python manage.py test app --verbosity 2", "test python < manage.py"},
		{"python tests/runtests.py admin", "test(script) python < tests/runtests.py"},
		{"bin/test sympy/core", "run(program) test"},
		{"python bin/test core", "test(script) python < bin/test"},
		{"./run_tests.sh fast", "test(script) run_tests.sh"},
		{"bash tests/run_test.sh", "test(script) bash < tests/run_test.sh"},
		{"cd /repo && python test_edge.py", "test(script) python < /repo/test_edge.py"},
		{"coverage run --branch -m pytest", "test pytest"},
		{"bundle exec rspec spec/a_spec.rb", "test rspec"},
		{"rake spec", "test rake"},
		{"javac ATest.java && java ATest", "build javac < ATest.java; test(script) java < ATest"},
		{"python -m doctest README.rst", "test doctest"},
		{"timeout 60 env CI=1 pytest -q", "test pytest"},
		{"poetry run pytest", "test pytest"},
		{"uv run --with x pytest", "test pytest"},
		{"conda run -n dev pytest", "test pytest"},
		{"./test", "run(program) test"},
	})
}

func TestProgramsAreRunBuiltAndInstalled(t *testing.T) {
	check(t, []row{
		{"python main.py --flag", "run(script) python < main.py"},
		{"PYTHONPATH=. python -u scripts/x.py", "run(script) python < scripts/x.py"},
		{"python -m proj.cli show", "run(module) proj.cli"},
		{"./a.out < in", "run(program) a.out < in"},
		{"node index.js", "run(script) node < index.js"},
		{"go run ./cmd/x", "run go < cmd/x"},
		{"bash build/go.sh", "run(script) bash < build/go.sh"},
		{"cat data | ./solve", "run(program) solve < data"},
		{"make -j4", "build make"},
		{"gcc -o a a.c -lm", "build gcc < a.c"},
		{"go build ./... && go vet ./...", "build go; build(check) go"},
		{"cmake -B build -S . && cmake --build build", "build cmake; build cmake"},
		{"mvn install -DskipTests", "build mvn"},
		{"npm run build", "build npm"},
		{"python setup.py build_ext --inplace", "build python < setup.py"},
		{"python -m py_compile a.py", "build(check) py_compile < a.py"},
		{"flake8 src", "build(check) flake8"},
		{"black --check src", "build(check) black < src"},
		{"bash -n run.sh", "build(check) bash"},
		{"pip install -q -e '.[dev]'", "install pip"},
		{"python -m pip install x==1", "install pip"},
		{"apt-get update && apt-get install -y jq", "install apt-get; install apt-get"},
		{"npm ci", "install npm"},
		{"yarn", "install yarn"},
		{"go get example.com/m@latest", "install go"},
		{"go mod tidy", "install go"},
		{"cargo add serde", "install cargo"},
		{"uv pip install x", "install uv"},
		{"yes | pip uninstall x", "install pip"},
		{"python setup.py develop", "install python < setup.py"},
		{"make install", "install make"},
		{"ponyc main.pony", "other ponyc"},
	})
}

func TestMachinesAreAskedAndReached(t *testing.T) {
	check(t, []row{
		{"pip show numpy | grep Version", "inspect pip"},
		{"python --version; which python", "inspect python; inspect which"},
		{"pytest --help", "inspect pytest"},
		{"uname -a", "inspect uname"},
		{"npm ls", "inspect npm"},
		{"go env GOPATH", "inspect go"},
		{"curl -s https://example.com/a.patch", "network curl"},
		{"curl -s https://example.com/a.sh | bash", "network curl; run(shell) bash"},
		{"wget -q https://example.com/x -O x", "network wget"},
		{"pip index versions x", "network pip"},
		{"npm view left-pad", "network npm"},
	})
}

func TestVersionControl(t *testing.T) {
	check(t, []row{
		{"git log --oneline -5 -- a.py", "vcs(history) git < a.py"},
		{"git --no-pager show HEAD~2:src/a.py", "vcs(history) git"},
		{"git blame -L 3,9 src/a.py", "vcs(history) git < src/a.py"},
		{"git reflog", "vcs(history) git"},
		{"git status --short", "vcs(state) git"},
		{"git diff", "vcs(state) git"},
		{"git diff --stat -- a.py", "vcs(state) git < a.py"},
		{"git diff HEAD~3", "vcs(history) git"},
		{"git diff main..fix", "vcs(history) git"},
		{"git diff > fix.patch", "vcs(state) git > fix.patch"},
		{"git branch -a", "vcs(state) git"},
		{"git branch fix", "vcs(change) git"},
		{"git add -A && git commit -qm 'x'", "vcs(change) git; vcs(change) git"},
		{"git checkout -- src/a.py", "vcs(change) git > src/a.py"},
		{"git -C /repo restore a.py", "vcs(change) git > /repo/a.py"},
		{"git stash list", "vcs(state) git"},
		{"git stash && pytest; git stash pop", "vcs(change) git; test pytest; vcs(change) git"},
		{"git fetch origin", "vcs(exchanges) git"},
		{"git remote -v", "vcs(state) git"},
		{"git apply --check x.diff", "vcs(state) git"},
		{"git apply x.diff", "edit(git apply) git < x.diff"},
		{"hg log -l 3", "vcs(history) hg"},
		{"git show HEAD:a.py | sed -n 1,9p", "vcs(history) git"},
		{"git log -p | grep fix", "vcs(history) git"},
	})
}

func TestSubmissions(t *testing.T) {
	check(t, []row{
		{"submit", "submit submit"},
		{"echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT", "submit echo"},
		{"echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT && git add -A && git diff --cached", "submit echo; vcs(change) git; vcs(state) git"},
		{"echo MINI_SWE_AGENT_FINAL_OUTPUT", "submit echo"},
		{"exit_cost", "submit exit_cost"},
	})
}

func TestSWEAgentsOwnCommands(t *testing.T) {
	check(t, []row{
		{"open src/a.py 120", "view(window) open < src/a.py 120"},
		{"goto 50", "view(window) goto"},
		{"scroll_down", "view(window) scroll_down"},
		{"create notes.py\n", "create(create) create > notes.py"},
		{"search_dir 'def x' src", "search search_dir < src"},
		{"search_file needle src/a.py", "search search_file < src/a.py"},
		{"find_file a.py", "search find_file"},
		{"edit 3:4\n    if x > (1:\n        y = '\nend_of_edit\n", "edit(lines) edit"},
		{"edit\nprint('a')\nend_of_edit", "edit(lines) edit"},
		{"edit 'old text' 'new text'", "edit(window) edit"},
		{"str_replace_editor view /r/a.py  --view_range 10 20", "view(view) str_replace_editor < /r/a.py"},
		{"str_replace_editor create /r/t.py --file_text 'import x\nprint(x)'", "create(create) str_replace_editor > /r/t.py"},
		{"str_replace_editor str_replace /r/a.py --old_str 'a b' --new_str 'c; rm x'", "edit(str_replace) str_replace_editor > /r/a.py"},
	})
}
