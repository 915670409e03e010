"""Tests of the package against the server, and of what takes its place.

APPRENTICE_PROGRAM names the program. APPRENTICE_TESTDATA, if it is set, the folder with real trajectories.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
import unittest
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from apprentice_srl import (
    Client,
    Group,
    LabelError,
    NotScored,
    Plain,
    PlainError,
    ServerError,
    client,
    default,
    keep,
    openrlhf,
    slime,
    spread,
    texts,
    trl,
    verl,
)

PROGRAM = os.environ.get("APPRENTICE_PROGRAM", "")
XML = "<function=bash>\n<parameter=command>ls -l</parameter>\n</function>"
RIGHT = f"<think>\nI look.\n</think>\n{XML}"
OTHER = RIGHT.replace("ls -l", "pwd")


def label(action: str = XML, name: str = "bare", language: str = "xml", stripped: bool = False, id: str = "t#1") -> str:
    check = hashlib.sha256(f"{id}\0{action}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
    form: dict[str, Any] = {"language": language}
    if stripped:
        form["tags_stripped"] = True
    kept = name == "paper"
    reward = {"name": name, "version": 1, "autojunk": kept, "wrapper": "kept" if kept else "stripped", "format": form}
    return json.dumps({"id": id, "action": action, "reward": reward, "check": check}, ensure_ascii=False)


def reset() -> None:
    """Forgets the scorer of this process, and ends its server."""
    scorer, client._default = client._default, None
    if isinstance(scorer, client._Started):
        scorer.stop()
    elif isinstance(scorer, Client):
        scorer.close()


def started() -> client._Started:
    scorer = default()
    assert isinstance(scorer, client._Started)
    return scorer


class WithServer(unittest.TestCase):
    def setUp(self) -> None:
        if not PROGRAM:
            self.fail("APPRENTICE_PROGRAM names no program")
        reset()
        self.addCleanup(reset)


class Serve:
    """A server with an address, as another machine would have it."""

    def __init__(self, *flags: str, port: int = 0, **environment: str) -> None:
        self.process = subprocess.Popen(
            [PROGRAM, "srl", "serve", "--listen", f"127.0.0.1:{port}", "--json", *flags],
            stdout=subprocess.PIPE,
            env={**os.environ, **environment},
        )
        assert self.process.stdout is not None
        text = b""
        while not text.endswith(b"}\n"):
            line = self.process.stdout.readline()
            assert line, "the server did not start"
            text += line
        self.url: str = json.loads(text)["url"]

    def __enter__(self) -> Serve:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdout is not None
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()


class TestHooks(WithServer):
    def test_trl(self) -> None:
        got = trl.reward(
            ["p"] * 4, [RIGHT, OTHER, "prose", RIGHT], [label()] * 3 + [label(id="t#2")], task_id=["x"] * 4
        )
        self.assertEqual([got[0], got[2], got[3]], [1.0, -1.0, 1.0])
        assert got[1] is not None
        self.assertTrue(0 < got[1] < 1)
        self.assertTrue(all(isinstance(r, float) for r in got))
        again = asyncio.run(trl.reward_async(["p"] * 2, [RIGHT, OTHER], [label()] * 2))
        self.assertEqual(again, got[:2])

    def test_trl_messages(self) -> None:
        chat = [{"role": "assistant", "content": RIGHT}]
        parsed = [{"role": "assistant", "reasoning_content": "I look.", "content": [{"type": "text", "text": XML}]}]
        self.assertEqual(trl.reward(["p"] * 2, [chat, parsed], [label()] * 2), [1.0, 1.0])
        with self.assertRaises(TypeError):
            trl.reward(["p"], [7], [label()])

    def test_trl_filtered(self) -> None:
        reward = trl.filtered(0.1)
        self.assertEqual(reward.__name__, "reward_filtered")
        labels = [label()] * 2 + [label(id="t#2")] * 2
        self.assertEqual(reward(["p"] * 4, [RIGHT, "prose", RIGHT, RIGHT], labels), [1.0, -1.0, None, None])

    def test_verl(self) -> None:
        self.assertEqual(
            verl.compute_score("apprentice/srl", RIGHT, label(), {"index": 0}, x=1), {"score": 1.0, "format_error": 0.0}
        )
        self.assertEqual(verl.compute_score("apprentice/srl", "", label()), {"score": -1.0, "format_error": 1.0})
        self.assertEqual(verl.compute_score("apprentice/srl", f"I look.\n{XML}", label(stripped=True))["score"], 1.0)

    def test_openrlhf(self) -> None:
        self.assertEqual(
            openrlhf.reward_func([f"P{RIGHT}<|im_end|>"], ["P"], [label()]),
            {"rewards": 1.0, "scores": 1.0, "extra_logs": {"format_error": 0.0}},
        )
        self.assertEqual(
            openrlhf.reward_func([f"P{RIGHT}", "Q"], ["P", "Q"], [label()] * 2),
            {"rewards": [1.0, -1.0], "scores": [1.0, -1.0], "extra_logs": {"format_error": [0.0, 1.0]}},
        )
        with self.assertRaises(ValueError):
            openrlhf.reward_func([RIGHT], ["P"], [label()])

    def test_slime(self) -> None:
        samples = [SimpleNamespace(label=label(), response=r, prompt=[]) for r in (RIGHT + "<|im_end|>", "prose")]
        args = SimpleNamespace(reward_key=None)
        self.assertEqual(asyncio.run(slime.reward(args, samples[0])), 1.0)
        self.assertEqual(asyncio.run(slime.reward(args, samples)), [1.0, -1.0])
        self.assertEqual(asyncio.run(slime.reward(SimpleNamespace(reward_key="r"), samples[1])), {"r": -1.0})

    def test_what_is_not_scored_is_no_number(self) -> None:
        def long(text: str) -> str:
            return f"<function=write>\n<parameter=content>{text}</parameter>\n</function>"

        hostile = label(long("y" + "a " * 150_000))
        slow = f"<think></think>{long('a ' * 200_000 + 'x')}"
        with Serve("--limit", "50ms") as server, mock.patch.dict(os.environ, APPRENTICE_SRL_URL=server.url):
            self.assertEqual(trl.reward(["p"] * 2, [slow, "prose"], [hostile] * 2), [None, -1.0])
            with self.assertRaisesRegex(NotScored, "time limit of 50ms reached"):
                verl.compute_score("s", slow, hostile)
            with self.assertRaises(NotScored):
                openrlhf.reward_func([slow], [""], [hostile])
            sample = SimpleNamespace(label=hostile, response=slow)
            self.assertTrue(math.isnan(asyncio.run(slime.reward(SimpleNamespace(), sample))))
            self.assertTrue(sample.remove_sample)
            reset()
        (plain,) = Plain().score([Group(hostile, [slow, "prose"])])
        self.assertEqual(plain.rewards, [None, -1.0])
        self.assertIn("too long for Python's difflib", plain.not_scored[0])

    def test_labels_that_are_wrong(self) -> None:
        for wrong in ("", "ls", label().replace("ls -l", "rm -r"), label().replace('"version": 1', '"version": 9')):
            for scorer in (default(), Plain()):
                with self.assertRaises(LabelError, msg=wrong):
                    scorer.score([Group(label(), [RIGHT]), Group(wrong, [RIGHT])])


class TestGroups(unittest.TestCase):
    def test_keep(self) -> None:
        self.assertEqual(spread([0.1, 0.1, 0.1]), 0.0)
        self.assertEqual(spread([0.0, 1.0]), 0.5)
        self.assertEqual(spread([]), 0.0)
        self.assertTrue(keep([0.0, 1.0], 0.4))
        self.assertFalse(keep([0.0, 1.0], 0.5))
        self.assertFalse(keep([1.0, None], 0.0))
        self.assertFalse(keep([1.0, math.nan], 0.0))
        self.assertTrue(keep([0.0, None, 1.0], 0.0))

    def test_slime_keep(self) -> None:
        def group(*rewards: float) -> list[Any]:
            return [SimpleNamespace(get_reward_value=lambda _, r=r: r) for r in rewards]

        self.assertTrue(slime.keep(None, group(0, 1)))
        self.assertFalse(slime.keep(None, group(1, 1)))
        self.assertFalse(slime.keep(None, group(0, 1, math.nan)))
        with mock.patch.dict(os.environ, APPRENTICE_EPSILON="0.5"):
            self.assertFalse(slime.keep(None, group(0, 1)))


class TestTexts(unittest.TestCase):
    def test_special_tokens(self) -> None:
        for end in ("", "<|im_end|>", "<|im_end|>\n<|endoftext|>\n", "</s>", "<\uff5cend\u2581of\u2581sentence\uff5c>"):
            self.assertEqual(texts.without_special_tokens(f"{RIGHT}{end}"), RIGHT)
        self.assertEqual(texts.without_special_tokens("<|a|> b"), "<|a|> b")

    def test_completion(self) -> None:
        prompt = "The second page is empty. " * 20 + "<|assistant|>"
        self.assertEqual(texts.completion(prompt + RIGHT, prompt), RIGHT)
        self.assertEqual(texts.completion(prompt[100:] + RIGHT, prompt), RIGHT)
        self.assertEqual(texts.completion(prompt, prompt), "")
        for query in (RIGHT, prompt[-20:] + RIGHT, ""):
            with self.assertRaises(ValueError):
                texts.completion(query, prompt)


class TestClient(WithServer):
    def test_a_server_by_address(self) -> None:
        with Serve(APPRENTICE_SERVE_TOKEN="sesame") as server:
            with mock.patch.dict(os.environ, APPRENTICE_SRL_URL=server.url, APPRENTICE_SERVE_TOKEN="sesame"):
                self.assertEqual(trl.reward(["p"], [RIGHT], [label(name="action")]), [1.0])
            named = Client(server.url.replace("//", "//x:sesame@"))
            self.assertEqual(named.score([Group(label(), [RIGHT])])[0].rewards, [1.0])
            named.close()
            for wrong in (Client(server.url), Client(server.url, "open")):
                with self.assertRaisesRegex(ServerError, "401: the token is missing or wrong"):
                    wrong.score([Group(label(), [RIGHT])])
                wrong.close()
            reset()

    def test_addresses_that_are_none(self) -> None:
        for url in ("127.0.0.1:8317", "ftp://a", "unix:", "http://"):
            with self.assertRaises(ValueError):
                Client(url)

    def test_the_token_is_in_no_error(self) -> None:
        with self.assertRaises(ServerError) as e:
            Client("http://x:sesame@127.0.0.1:1", patience=0).score([Group(label(), [RIGHT])])
        self.assertNotIn("sesame", str(e.exception))

    def test_a_server_that_is_started_again(self) -> None:
        server = Serve()
        asking = Client(server.url)
        self.assertEqual(asking.score([Group(label(), [RIGHT])])[0].rewards, [1.0])
        server.__exit__()
        threading.Timer(0.5, lambda: again.append(Serve(port=int(server.url.rpartition(":")[2])))).start()
        again: list[Serve] = []
        self.assertEqual(asking.score([Group(label(), [RIGHT])])[0].rewards, [1.0])
        asking.close()
        again[0].__exit__()

    def test_more_than_one_request_holds(self) -> None:
        groups = [Group(label(id=f"t#{i}"), [RIGHT, OTHER] * 8) for i in range(700)]
        got = default().score(groups)
        self.assertEqual([g.id for g in got], [f"t#{i}" for i in range(700)])
        self.assertTrue(all(g.rewards == got[0].rewards for g in got))
        self.assertEqual(default().score([]), [])

    def test_threads(self) -> None:
        failed: list[BaseException] = []

        def work(n: int) -> None:
            try:
                for _ in range(20):
                    assert trl.reward(["p"] * n, [RIGHT] * n, [label()] * n) == [1.0] * n
            except BaseException as e:
                failed.append(e)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 9)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(failed, [])


class TestChild(WithServer):
    def test_it_is_for_this_user_and_leaves_nothing(self) -> None:
        trl.reward(["p"], [RIGHT], [label()])
        child = started()._child
        self.assertEqual(os.stat(child.socket).st_mode & 0o777, 0o600)
        reset()
        self.assertFalse(os.path.exists(child.socket))
        self.assertFalse(child.running())

    def test_it_is_started_again(self) -> None:
        trl.reward(["p"], [RIGHT], [label()])
        os.kill(started()._child._process.pid, signal.SIGKILL)
        self.assertEqual(trl.reward(["p"], [RIGHT], [label()]), [1.0])

    def test_it_ends_with_a_process_that_is_killed(self) -> None:
        code = (
            "import sys, time\nfrom apprentice_srl import client, default\ndefault()\n"
            "print(client._default._child._process.pid, flush=True)\ntime.sleep(60)"
        )
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
            assert parent.stdout is not None
            server = int(parent.stdout.readline())
            os.kill(server, 0)
            parent.kill()
        end = time.monotonic() + 20
        while alive(server):
            self.assertLess(time.monotonic(), end, "the server is still there")
            time.sleep(0.05)

    def test_a_fork_has_its_own(self) -> None:
        trl.reward(["p"], [RIGHT], [label()])
        mine = started()._child
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forks where there are threads
            pid = os.fork()
        if pid == 0:  # no exception may leave this
            status = 1
            try:
                right = trl.reward(["p"], [RIGHT], [label()]) == [1.0]
                own = started()._child
                status = 0 if right and own.socket != mine.socket else 2
                reset()
                gc.collect()
            finally:
                os._exit(status)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        self.assertTrue(mine.running())
        self.assertEqual(trl.reward(["p"], [RIGHT], [label()]), [1.0])
        reset()
        self.assertFalse(mine.running(), "the fork does not keep it")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class TestPlain(WithServer):
    def test_it_takes_the_servers_place_with_a_warning(self) -> None:
        none = {"APPRENTICE_PROGRAM": "", "PATH": ""}
        broken = {"APPRENTICE_PROGRAM": sys.executable}  # which knows no srl serve
        for environment in (none, broken):
            reset()
            with mock.patch.dict(os.environ, environment), warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                for _ in range(2):
                    self.assertEqual(trl.reward(["p"], [RIGHT], [label()]), [1.0])
                ours = [w for w in said if "difflib takes the place" in str(w.message)]
                self.assertEqual(len(ours), 1)
                with self.assertRaisesRegex(PlainError, "the reward patch needs the reward server"):
                    trl.reward(["p"], [RIGHT], [label(name="patch")])

    def same(self, groups: list[Group], epsilon: float = 0.1) -> None:
        wanted = default().score(groups, epsilon)
        for got, want in zip(Plain().score(groups, epsilon), wanted):
            self.assertEqual(got, want)  # floats too: to the bit
        self.assertGreater(len({r for g in wanted for r in g.rewards}), 20)

    def test_it_reads_outputs_as_the_server_does(self) -> None:
        experts = {
            "xml": XML,
            "json": '{"name":"bash","arguments":{"command":"ls -l","n":[1, {"a": "\\u00e9"}]}}',
            "bash": "```bash\nls -l\n```",
        }
        # fmt: off
        pieces = [
            *experts.values(), "<think>", "</think>", " ", "\n", "\x1f", "\x85", "\u3000", "prose", "<function=", "a>",
            "</function>", "<parameter=b>", "</parameter>", "\n\n", "```bash\n", "\n```", '{"name":', '"bash"',
            ',"arguments":', "{", "}", "[", "]", ",", ":", '"x"', '"\\ud800"', '"\\n"', '"\t"', "1e5", "-0", "01",
            "NaN",
            "null", "true",
            "\ud800", "é", "\U0001f600", "\0", "<|im_end|>",
            '{"name":"a"}', '{"name":"a","arguments":null}', '{"name":"a","arguments":7}', '{"name":"","arguments":{}}',
            '{"arguments":{},"name":"a"}', '{"name":"a","arguments":{"b":1,"b":2}}',
            '{"name":"a","arguments":"{\\"b\\": 1.50}"}',
            '{"name" : "a", "arguments" : { "b" : { "c" : [ 1 , "d e" ] } } }',
        ]
        # fmt: on
        random.seed(5)
        groups = []
        for language, expert in experts.items():
            for name in ("bare", "paper"):
                for stripped in (False, True):
                    outputs = [
                        random.choice(("", "<think></think>", "a</think>"))
                        + "".join(random.choices(pieces, k=random.randint(0, 7)))
                        for _ in range(400)
                    ]
                    outputs += [f"<think></think>{p}" for p in pieces] + [f"<think></think>{expert}{p}" for p in pieces]
                    for _ in range(400):  # nearly right ones
                        text, at = expert, random.randint(0, len(expert))
                        for piece in random.choices(pieces, k=random.randint(1, 3)):
                            text = text[:at] + piece + text[at:]
                        outputs.append(f"<think></think>{text}")
                    groups.append(Group(label(expert, name, language, stripped), outputs))
        self.same(groups)

    def test_real_actions(self) -> None:
        data = os.environ.get("APPRENTICE_TESTDATA")
        if not data:
            self.skipTest("APPRENTICE_TESTDATA names no folder with SWE-smith's sample")
        actions = []
        with open(Path(data) / "trajectories" / "swe-smith" / "ft_xml_example.jsonl", encoding="utf-8") as f:
            for line in f:
                for m in json.loads(line)["messages"]:
                    at = m["content"].find("<function=")
                    if m["role"] == "assistant" and at >= 0:
                        actions.append(m["content"][at:])
        self.assertGreater(len(actions), 50)
        short = [a for a in actions if len(a) < 3000]
        groups = [
            Group(label(expert, name), [f"<think>a</think>{a}" for a in short[i : i + 4] + short[:1]])
            for i, expert in enumerate(short)
            for name in ("bare", "paper")
        ]
        self.same(groups)


if __name__ == "__main__":
    unittest.main()
