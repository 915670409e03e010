package behaviour

import "testing"

// The forms that a random sample of a hundred published commands was made of,
// in words of our own. What each should be was said by a person.
func TestWhatAgentsReallyWrite(t *testing.T) {
	check(t, []row{
		{"nl -ba pkg/a.py | sed -n '760,840p' && nl -ba pkg/a.py | sed -n '1188,1260p'", "view nl < pkg/a.py; view nl < pkg/a.py"},
		{"sed -n '1,220p' pkg/a.py | sed -n '1,160p'", "view sed < pkg/a.py"},
		{"nl -ba pkg/a.py | sed -n '880,1000p' }]}", "view sed < }]} pkg/a.py"}, // a slip that the shell would run
		{"grep -R \"name\" -n tests || true", "search grep < tests"},
		{"grep -nR 'one\\|two\\|three(x' -n tests src | sed -n '1,200p'", "search grep < tests src"},
		{"grep -R needle -n || true}", "search grep; other true}"},
		{"ls -la tests | sed -n '1,120p' || true", "list ls < tests"},
		{"cd /w/core && ls -l", "list ls < /w/core"},
		{"find /w -type f -name '*.py' | grep -v cache | grep -v test_ | head -20", "search find < /w"},
		{"python - <<'PY'\nfrom pathlib import Path\np=Path('pkg/a.py')\ns=p.read_text()\nold=\"a\"\nif old in s:\n    p.write_text(s.replace(old, \"b\"))\n    print('patched')\nelse:\n    print('not found')\nPY", "edit(python) python > pkg/a.py"},
		{"python - <<'PY'\nimport re\np='pkg/a.py'\ns=open(p).read()\nnew=re.sub('a', 'b', s)\nif new!=s:\n    open(p,'w').write(new)\nPY", "edit(python) python > pkg/a.py"},
		{"python - <<'PY'\nfrom pkg.query import Query\nq = Query(None)\nprint(q.resolve(1))\nPY", "run(python) python"},
		{"python - <<'PY'\nimport inspect\nfrom pkg import a\nprint(inspect.getsource(a.f))\nPY", "view(python) python"},
		{"perl -0777 -i.bak -pe 's/A,\\n\\s*\\)/A,\\n  B,\\n)/s' pkg/a.py && nl -ba pkg/a.py | sed -n '500,540p'", "edit(perl -i) perl > pkg/a.py; view nl < pkg/a.py"},
		{"sed -i 's/x=\"a\"/x=\"b\"/g' pkg/a.py && git --no-pager diff -- pkg/a.py | sed -n '1,120p'", "edit(sed -i) sed > pkg/a.py; vcs(state) git < pkg/a.py"},
		{"cat > /tmp/change.py <<'PY'\nfrom pathlib import Path\np = Path('pkg/a.py')\np.write_text(p.read_text() + 'x')\nPY\npython3 /tmp/change.py && git diff", "edit(here-document) cat > /tmp/change.py; edit(python) python3 < /tmp/change.py > pkg/a.py; vcs(state) git"},
		{"git add -A && git commit -m \"pkg: mend f\" || true", "vcs(change) git; vcs(change) git"},
		{"git checkout -- pkg/a.py && python -m py_compile pkg/a.py && echo ok", "vcs(change) git > pkg/a.py; build(check) py_compile < pkg/a.py"},
		{"cp a.py a.py.bak && sed -i 3d a.py && rm a.py.bak", "create cp < a.py > a.py.bak; edit(sed -i) sed > a.py; delete rm > a.py.bak"},
		{"pytest -q tests/test_a.py::test_b -q || true", "test pytest < tests/test_a.py"},
		{"python3 -m pip install -q pytest && pytest -q tests", "install pip; test pytest < tests"},
		{"SETTINGS=min python tests/runtests.py admin.tests.X -v2", "test(script) python < tests/runtests.py"},
		{"export A=/x && cd /w/build && cmake -DA=/x -B . -S /w", "build cmake"},
		{"rm -rf /w/build && mkdir -p /w/build && cd /w && make", "delete rm > /w/build; create mkdir > /w/build; build make"},
		{"cd /w && echo 'x' > t.p && comp t.p -o . && ./test", "edit(redirect) echo > /w/t.p; other comp; run(program) test"},
		{"javac Repro.java && java Repro", "build javac < Repro.java; run(script) java < Repro"},
		{"python - <<'PY'\nopen('a.py','w').write('')\nPY\n&& nl -ba a.py", "edit(python) python > a.py; unparsed(view) nl"},
		{"printf \"%s\n\" \"def test_x():\" > test_x.py && pytest -q", "edit(redirect) printf > test_x.py; test pytest"},
		{"bash -lc \"cat > a.py <<'E'\\ndef f(x):\\n  return x\\nE\\npytest -q\"", "unparsed(view) cat"}, // \n in double quotes is no line end
	})
}
