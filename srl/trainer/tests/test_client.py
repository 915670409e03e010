"""Runs against the program that APPRENTICE names: `python3 -m unittest discover -s srl/trainer/tests`."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import types
import unittest
import warnings
from typing import Any, Callable
from unittest import mock

from apprentice_srl import (
    Client,
    Group,
    Refill,
    RewardError,
    _client,
    _plain,
    _server,
    _texts,
    openrlhf,
    score,
    slime,
    trl,
    verl,
)

CALL = "<function=bash>\n<parameter=command>{}</parameter>\n</function>"
ACTION = CALL.format("ls -l")


def label(action: str = ACTION, name: str = "bare", language: str = "xml", id: str = "t.1#1", **rules: Any) -> str:
    check = hashlib.sha256(f"{id}\0{action}".encode()).hexdigest()[:16]
    reward = {
        "name": name,
        "version": 1,
        "autojunk": name == "paper",
        "wrapper": "kept" if name == "paper" else "stripped",
        "format": {"language": language, **rules},
    }
    return json.dumps({"id": id, "action": action, "reward": reward, "check": check})


def said(action: str, thought: str = "so") -> str:
    return f"<think>\n{thought}\n</think>\n{action}"


class Server(unittest.TestCase):
    """A server for all tests of a class."""

    client: Client
    _child: _server.Child
    _env: Any

    @classmethod
    def setUpClass(cls) -> None:
        cls._child = _server.Child(os.environ["APPRENTICE"])
        cls.client = cls._child.client
        cls._env = mock.patch.dict(os.environ, {"APPRENTICE_REWARD_URL": cls.client.url})
        cls._env.start()

    @classmethod
    def tearDownClass(cls) -> None:
        cls._env.stop()
        cls._child.close()

    def setUp(self) -> None:
        _server._found = None


class TestScore(Server):
    def test_groups_are_scored_in_their_order(self) -> None:
        malformed = "I would list the files."
        got = self.client.score(
            [
                Group(label(), [said(ACTION), malformed, said(CALL.format("ls -a"))]),
                Group(label(id="t.1#2", name="paper"), [said(ACTION)] * 2),
                Group(label(name="action"), []),
            ],
            epsilon=0.01,
        )
        self.assertEqual(got[0].rewards[:2], [1.0, -1.0])
        self.assertGreater(got[0].rewards[2] or 0, 0.8)
        self.assertEqual(got[0].reasons, ["", "no </think>", ""])
        self.assertTrue(got[0].keep)
        self.assertAlmostEqual(got[0].std, _client.spread(got[0].rewards), places=12)
        self.assertEqual((got[1].rewards, got[1].std, got[1].keep), ([1.0, 1.0], 0.0, False))
        self.assertEqual(got[2].rewards, [])

    def test_a_row_that_was_mixed_up_is_an_error(self) -> None:
        mixed = json.loads(label())
        mixed["action"] = CALL.format("pwd")
        for bad in (json.dumps(mixed), "no label", label(name="fancy")):
            with self.assertRaisesRegex(RewardError, "400"):
                self.client.score([Group(bad, [said(ACTION)])])

    def test_any_output_has_a_reward(self) -> None:
        outputs = [
            "",
            "\ud800 \udc00",
            "\0",
            "x" * 1_000_000,
            "<think>" * 1000,
            said(ACTION + ACTION),
            "</think>",
            "😀",
        ]
        got = self.client.score([Group(label(), outputs)])[0]
        self.assertEqual(got.rewards, [-1.0] * len(outputs))

    def test_plain_python_gives_the_same_rewards(self) -> None:
        draw = random.Random(7)
        texts = [said(a) for a in _actions(draw)]
        texts += [_broken(draw, t) for t in texts for _ in range(3)]
        all_rules: tuple[dict[str, Any], ...] = ({}, {"tags_stripped": True})
        groups = [
            Group(label(action, name, language, **rules), draw.sample(texts, 24))
            for action, language in _experts(draw)
            for name in ("bare", "paper")
            for rules in all_rules
        ]
        for group, server in zip(groups, self.client.score(groups)):
            for output, reward, why in zip(group.outputs, server.rewards, server.reasons):
                self.assertEqual(_plain.score(group.label, output), (reward, why), (group.label, output))
        seen = {w for s in self.client.score(groups) for w in s.reasons}
        self.assertLessEqual(
            {"", "no </think>", "nested or repeated think tags", "no tool call after </think>"}, seen, "a weak test"
        )

    def test_a_server_that_is_gone(self) -> None:
        with self.assertRaisesRegex(RewardError, "No such file"):
            Client("unix:/nowhere/reward.sock", patience=0.2).score([Group(label(), [""])])
        self.assertFalse(Client("http://127.0.0.1:9").healthy())
        with self.assertRaisesRegex(ValueError, "want http"):
            Client("127.0.0.1:8000")

    def test_a_server_that_comes_back(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "s")
            command = [os.environ["APPRENTICE"], "srl", "serve", "--unix", path]
            late = subprocess.Popen(["sh", "-c", 'sleep 0.5; exec "$@"', "sh", *command], stdout=subprocess.DEVNULL)
            try:
                client = Client("unix:" + path)
                self.assertEqual(client.score([Group(label(), [said(ACTION)])])[0].rewards, [1.0])
                client.close()
            finally:
                late.terminate()
                late.wait()

    def test_batches_of_any_size(self) -> None:
        outputs = [said(ACTION, "漢" * 1000), "?"] * 4000  # 24 MB, escaped
        groups = [Group(label(), outputs[:5000]), Group(label(id="t.1#2"), outputs[5000:]), Group(label(), ["?"])]
        got = self.client.score(groups, epsilon=0.5)
        self.assertEqual(got[0].rewards + got[1].rewards, [1.0, -1.0] * 4000)
        self.assertEqual([g.keep for g in got], [True, True, False])
        self.assertEqual(got[2].reasons, ["no </think>"])

    def test_a_server_that_takes_little(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "s")
            command = [os.environ["APPRENTICE"], "srl", "serve", "--unix", path, "--max-request", "1"]
            small = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            try:
                client = Client("unix:" + path)
                long = said(ACTION, "x" * 400_000)
                got = client.score([Group(label(), [long] * 5 + [said(ACTION, "x" * 2_000_000)])])[0]
                self.assertEqual(got.rewards, [1.0] * 5 + [None])
                self.assertIn("413", got.reasons[5])
                client.close()
            finally:
                small.terminate()
                small.wait()

    def test_answers_that_are_none(self) -> None:
        for answer, want in {
            b"<html>": "none of a reward server",
            b"{}": "none of a reward server",
            b'{"groups":[{"rewards":["x"]}]}': "none of a reward server",
            b'{"groups":[{"rewards":[NaN]}]}': "none of a reward server",
            b'{"groups":[{"rewards":[1.0,1.0]}]}': "not a reward for each output",
        }.items():
            listener = socket.create_server(("127.0.0.1", 0))
            thread = threading.Thread(target=_answers, args=(listener, answer))
            thread.start()
            client = Client(f"http://127.0.0.1:{listener.getsockname()[1]}", patience=0)
            with self.assertRaisesRegex(RewardError, want):
                client.score([Group(label(), [""])])
            client.close()
            thread.join()

    def test_tokens(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            token = os.path.join(folder, "token")
            with open(token, "w") as file:
                file.write("ses@me\n")
            command = [os.environ["APPRENTICE"], "srl", "serve", "--listen", "127.0.0.1:0", "--token-file", token]
            server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            assert server.stdout is not None
            try:
                url = server.stdout.readline().split()[-1]
                group = [Group(label(), [said(ACTION)])]
                for client in (Client(url, token="ses@me\n"), Client(url.replace("//", "//x:ses%40me@"))):
                    self.assertEqual(client.score(group)[0].rewards, [1.0])
                    client.close()
                wrong = Client(url.replace("//", "//x:sesam@"))
                with self.assertRaisesRegex(RewardError, "401") as caught:
                    wrong.score(group)
                self.assertNotIn("sesam", str(caught.exception))
                wrong.close()
            finally:
                server.terminate()
                server.wait()
                server.stdout.close()
        with self.assertRaisesRegex(ValueError, "one word of printable ASCII"):
            Client("http://127.0.0.1:9", token="zwei Wörter")
        for url in (
            "http://x:ses/ame@127.0.0.1:9",
            "http://x:1/sesame@127.0.0.1:9",
            "http://x:ses#ame@127.0.0.1:9",
            "http://x:ses?ame@127.0.0.1:9",
            "http://x:ses\u2100@127.0.0.1:9",
        ):
            with self.assertRaisesRegex(ValueError, "%2F") as refused:
                Client(url)
            self.assertNotIn("ses", str(refused.exception).replace("reward server", ""))
            self.assertTrue(refused.exception.__cause__ is None and refused.exception.__context__ is None)
        with mock.patch.dict(os.environ, {"APPRENTICE_REWARD_TOKEN": "sesame"}):
            self.assertEqual(Client("http://x@127.0.0.1:9").token, "sesame", "a user is no token")

    def test_a_fork_asks_by_itself(self) -> None:
        score([Group(label(), [said(ACTION)])])
        pid = os.fork()
        if pid == 0:
            try:
                os._exit(0 if score([Group(label(), [said(ACTION)])])[0].rewards == [1.0] else 1)
            except BaseException:
                os._exit(2)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        self.assertEqual(score([Group(label(), [said(ACTION)])])[0].rewards, [1.0])


class TestHooks(Server):
    def test_trl(self) -> None:
        rows = {"label": [label(), label(), label(id="t.1#2")], "task_id": ["t"] * 3, "prompts": [""] * 3}
        chat = [[{"role": "assistant", "content": said(ACTION)}], said(ACTION), "?"]
        self.assertEqual(trl.reward(completions=chat, **rows), [1.0, 1.0, -1.0])
        self.assertEqual(asyncio.run(trl.reward_async(completions=chat, **rows)), [1.0, 1.0, -1.0])
        with self.assertRaisesRegex(ValueError, "3 completions and 2 labels"):
            trl.reward(completions=chat, label=[label()] * 2)
        with self.assertRaisesRegex(RewardError, "example t.1#1, and the row that of OTHER#9"):
            trl.reward(completions=[said(ACTION)], label=[label()], example_id=["OTHER#9"])
        with self.assertRaisesRegex(ValueError, "2 labels and 1 ids"):
            trl.reward(completions=[said(ACTION)] * 2, label=[label()] * 2, example_id=["t.1#1"])
        with self.assertRaisesRegex(RewardError, "cannot be read"):
            trl.reward(completions=["?"], label=["[" * 100_000], example_id=["t.1#1"])
        two = trl.filtered(0.01, generations=2)
        self.assertEqual(
            two(completions=[said(ACTION)] * 3 + ["?"], label=[label()] * 2 + [label(id="t.1#2")] * 2),
            [None, None, 1.0, -1.0],
        )
        with self.assertRaisesRegex(ValueError, "whole groups"):
            two(completions=[said(ACTION)], label=[label()])

    def test_verl(self) -> None:
        self.assertEqual(
            verl.compute_score("apprentice/srl", said(ACTION), label(), extra_info={"example_id": "t.1#1"}),
            {"score": 1.0, "malformed": 0.0, "reason": ""},
        )
        self.assertEqual(verl.compute_score("apprentice/srl", "?", label())["score"], -1.0)
        with self.assertRaisesRegex(RewardError, "example t.1#1, and the row that of OTHER#9"):
            verl.compute_score("apprentice/srl", said(ACTION), label(), extra_info={"example_id": "OTHER#9"})

    def test_openrlhf(self) -> None:
        prompt = "<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\n"
        got = openrlhf.reward_func([prompt + said(ACTION) + "<|im_end|>\n", prompt], [prompt] * 2, [label()] * 2)
        self.assertEqual(got["rewards"], [1.0, -1.0])
        self.assertEqual(got["scores"], got["rewards"])
        self.assertEqual(got["extra_logs"], {"malformed": [0.0, 1.0]})
        long = "x" * 500 + prompt
        got = openrlhf.reward_func([long[100:] + said(ACTION)], [long], [label()])  # cut on the left
        self.assertEqual(got, {"rewards": 1.0, "scores": 1.0, "extra_logs": {"malformed": 0.0}})
        with self.assertRaisesRegex(ValueError, "begin with its prompt"):
            openrlhf.reward_func(["x"], ["y"], [label()])
        with self.assertRaisesRegex(ValueError, "3 queries, 2 prompts and 3 labels"):
            openrlhf.reward_func(["x"] * 3, [""] * 2, [label()] * 3)

    def test_slime(self) -> None:
        def sample(response: str) -> types.SimpleNamespace:
            return types.SimpleNamespace(label=label(), response=response)

        args = types.SimpleNamespace(reward_key=None)
        self.assertEqual(asyncio.run(slime.reward(args, sample(said(ACTION) + "<|im_end|>"))), 1.0)
        self.assertEqual(asyncio.run(slime.reward(args, [sample(said(ACTION)), sample("?")])), [1.0, -1.0])
        mixed_up = sample(said(ACTION))
        mixed_up.metadata = {"example_id": "OTHER#9"}
        with self.assertRaisesRegex(RewardError, "the row that of OTHER#9"):
            asyncio.run(slime.reward(args, mixed_up))
        args.reward_key = "score"
        self.assertEqual(asyncio.run(slime.reward(args, sample("?"))), {"score": -1.0})

        def group(*rewards: float) -> list[Any]:
            return [mock.Mock(get_reward_value=mock.Mock(return_value=r)) for r in rewards]

        self.assertTrue(slime.keep(args, group(1.0, 0.5)))
        self.assertFalse(slime.keep(args, group(0.5, 0.5)))
        self.assertFalse(slime.keep(args, group(0.5, float("nan"))))
        with mock.patch.dict(os.environ, {"APPRENTICE_EPSILON": "0.25"}):
            self.assertFalse(slime.keep(args, group(1.0, 0.5)), "a deviation of 0.25 does not exceed it")

    def test_what_is_not_scored_is_no_number(self) -> None:
        none = [_client.Scored([None], ["time limit of 2s reached"], 0.0, False)]
        with mock.patch.object(verl, "score", return_value=none), self.assertRaisesRegex(RewardError, "limit"):
            verl.compute_score("d", "x", label())
        with mock.patch.object(openrlhf, "score", return_value=none), self.assertRaisesRegex(RewardError, "limit"):
            openrlhf.reward_func(["x"], [""], [label()])
        with mock.patch.object(trl, "score", return_value=none):
            self.assertEqual(trl.reward(completions=["x"], label=["l"]), [None])
        sample = types.SimpleNamespace(label="", response="", remove_sample=False)
        with mock.patch.object(slime, "score", return_value=none):
            self.assertTrue(math.isnan(asyncio.run(slime.reward(None, sample))))
        self.assertTrue(sample.remove_sample)

    def test_texts(self) -> None:
        chat = [{"role": "assistant", "reasoning_content": "hm", "content": [{"type": "text", "text": ACTION}]}]
        self.assertEqual(_texts.output(chat), f"<think>\nhm\n</think>\n{ACTION}")
        self.assertEqual(_texts.without_special_tokens(ACTION + "<|im_end|>\n<|endoftext|>"), ACTION)
        self.assertEqual(_texts.without_special_tokens("a <|im_end|> b"), "a <|im_end|> b")
        self.assertEqual(_texts.without_special_tokens(ACTION + "<|endoftext|>\n" * 5000), ACTION)
        self.assertEqual(_texts.without_special_tokens(ACTION + "<|im_end|>" + "\n" * 5000), ACTION)
        self.assertEqual(_texts.without_special_tokens("a" + " " * 5000), "a" + " " * 5000)
        twice = [{"role": "assistant", "reasoning_content": "hm", "content": said(ACTION)}]
        self.assertEqual(_texts.output(twice), said(ACTION))
        with self.assertRaisesRegex(ValueError, "write its calls as text"):
            _texts.output([{"role": "assistant", "content": "", "tool_calls": [{}]}])
        with self.assertRaises(TypeError):
            _texts.output(3)


class TestRefill(unittest.TestCase):
    def test_batches_stay_full(self) -> None:
        refill: Refill[str] = Refill(batch=2, epsilon=0.1)
        self.assertEqual(refill.missing(), 2)
        groups: list[tuple[str, list[float | None], str]] = [
            ("a", [0.5, 0.9], "kept"),
            ("b", [0.5, 0.5], "no spread"),
            ("c", [-1.0, -1.0], "all format errors"),
            ("d", [1.0, 1.0, None], "all right"),
            ("e", [0.5, None], "unscored"),
            ("f", [0.5, 0.6], "no spread"),  # a deviation of 0.05
        ]
        for name, rewards, verdict in groups:
            self.assertEqual(refill.add(name, rewards), verdict, name)
            self.assertIsNone(refill.take())
        refill.add("g", [-1.0, 0.0])
        refill.add("h", [0.0, 1.0])
        self.assertEqual(refill.take(), ["a", "g"])
        self.assertEqual(refill.missing(), 1, "h is carried over")
        self.assertEqual(refill.verdicts["kept"], 3)

    def test_a_bound_makes_batches_short(self) -> None:
        refill: Refill[int] = Refill(batch=2, epsilon=0.0, most=3)
        for i, rewards in enumerate([[1.0, 1.0], [0.0, 1.0], [1.0, 1.0]]):
            refill.add(i, rewards)
        self.assertEqual(refill.take(), [1])
        self.assertIsNone(refill.take())
        with self.assertRaises(ValueError):
            Refill(batch=4, epsilon=0.0, most=3)


class TestFindingAServer(unittest.TestCase):
    def setUp(self) -> None:
        _server._found = None

    tearDown = setUp

    def test_a_child_ends_with_this_process_however_it_ends(self) -> None:
        script = (
            "import sys, time\nfrom apprentice_srl import _server\n"
            "print(_server.find().url, _server._found[1]._process.pid, flush=True)\ntime.sleep(60)\n"
        )
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "TMPDIR": folder}
            parent = subprocess.Popen(
                [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment
            )
            assert parent.stdout is not None
            url, child = parent.stdout.readline().split()
            self.assertTrue(Client(url).healthy())
            parent.send_signal(signal.SIGKILL)
            parent.wait()
            parent.stdout.close()
            deadline = time.monotonic() + 10
            while os.path.exists(f"/proc/{child}") and time.monotonic() < deadline:
                time.sleep(0.02)
            self.assertFalse(os.path.exists(f"/proc/{child}"))

    def test_without_a_server_python_scores_and_warns(self) -> None:
        with mock.patch.dict(os.environ, {"PATH": "", "APPRENTICE": "", "APPRENTICE_REWARD_URL": ""}):
            with self.assertWarnsRegex(RuntimeWarning, "there is no reward server"):
                got = score([Group(label(), [said(ACTION), "?"])], epsilon=0.1)
            self.assertEqual((got[0].rewards, got[0].reasons, got[0].keep), ([1.0, -1.0], ["", "no </think>"], True))
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # it has been said
                for needs in (label(name="action"), label('{"name":"a","arguments":{}}', language="json"), "?"):
                    with self.assertRaises(RewardError):
                        score([Group(needs, [""])])

    def test_without_a_server_labels_are_checked_as_by_one(self) -> None:
        def with_settings(**settings: Any) -> str:
            row = json.loads(label())
            row["reward"] |= settings
            return json.dumps({**row, **{k: v for k, v in settings.items() if k in row and k != "reward"}})

        rules = {"language": "xml"}
        for bad in (
            with_settings(autojunk=True),
            with_settings(wrapper="kept"),
            with_settings(version=1.0),
            with_settings(version=True),
            with_settings(name=[]),
            with_settings(format=5),
            with_settings(format={**rules, "tags_stripped": "no"}),
            json.dumps({**json.loads(label()), "id": 5}),
            json.dumps({**json.loads(label()), "action": 5}),
            "[]",
            "[" * 100_000,
        ):
            with self.assertRaises(_plain.LabelError, msg=bad[:300]):
                _plain.score(bad, said(ACTION))
        row = json.loads(label())
        del row["reward"]["autojunk"]
        self.assertEqual(_plain.score(json.dumps(row), said(ACTION)), (1.0, ""))

    def test_without_a_server_time_is_bounded(self) -> None:
        expert = CALL.format("x " * 1000)
        reward, why = _plain.score(label(expert), said(CALL.format("x " * 500_000)))
        self.assertIsNone(reward)
        self.assertIn("too long", why)
        self.assertEqual(_plain.score(label(expert), said(expert)), (1.0, ""))
        # Its passes are short, and many.
        with mock.patch.object(_plain, "MOST_SECONDS", 0.1):
            began = time.monotonic()
            reward, why = _plain.score(label(CALL.format("-" * 2000)), said(CALL.format("- " * 2000)))
        self.assertIsNone(reward)
        self.assertIn("more than 0.1 s", why)
        self.assertLess(time.monotonic() - began, 5)

    def test_a_program_that_is_no_server(self) -> None:
        for program, why in (("/bin/false", "did not start"), ("/nowhere/x", "cannot be started"), ("/", "cannot be")):
            with (
                tempfile.TemporaryDirectory() as folder,
                mock.patch.object(tempfile, "tempdir", folder),
                mock.patch.dict(os.environ, {"APPRENTICE": program, "APPRENTICE_REWARD_URL": ""}),
            ):
                with self.assertRaisesRegex(RewardError, why):
                    score([Group(label(), [""])])
                self.assertEqual(os.listdir(folder), [])

    def test_a_child_that_dies_is_replaced(self) -> None:
        groups = [Group(label(), [said(ACTION)])]
        with mock.patch.dict(os.environ, {"APPRENTICE_REWARD_URL": ""}):
            self.assertEqual(score(groups)[0].rewards, [1.0])
            assert _server._found is not None and _server._found[1] is not None
            _server._found[1]._process.kill()
            _server._found[1]._process.wait()
            self.assertEqual(score(groups)[0].rewards, [1.0])
            child = _server._found[1]
            # It may also die while it is asked.
            with mock.patch.object(child, "running", side_effect=[True, False, False, False]):
                child._process.kill()
                child._process.wait()
                self.assertEqual(score(groups)[0].rewards, [1.0])
            self.assertIsNot(_server._found[1], child)
            _server._found[1].close()

    def test_ctrl_c_is_not_for_the_child(self) -> None:
        script = (
            "import os, signal\nfrom apprentice_srl import Group, _server, score\n"
            f"group = [Group({label()!r}, [{said(ACTION)!r}])]\n"
            "signal.signal(signal.SIGINT, lambda *_: None)\nscore(group)\n"
            "os.killpg(os.getpgrp(), signal.SIGINT)\n_server._found[1]._process.wait(0.5)\n"
        )
        ran = subprocess.run([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.assertIn("TimeoutExpired", ran.stderr, "it runs on")

    def test_a_fork_does_not_keep_the_child(self) -> None:
        with mock.patch.dict(os.environ, {"APPRENTICE_REWARD_URL": ""}):
            groups = [Group(label(), [said(ACTION)])]
            score(groups)
            assert _server._found is not None and _server._found[1] is not None
            child = _server._found[1]
            with _server._lock:  # as another thread may
                pid = os.fork()
                if pid == 0:
                    try:
                        os.write(3 if score(groups)[0].rewards != [1.0] else 1, b"")
                        time.sleep(60)
                    finally:
                        os._exit(1)
            time.sleep(0.5)
            assert child._process.stdin is not None
            child._process.stdin.close()
            self.assertEqual(child._process.wait(10), 0, "its input has ended though the fork lives")
            self.assertEqual(os.waitpid(pid, os.WNOHANG), (0, 0), "and has not hung or failed")
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            child.close()

    def test_a_folder_with_a_long_name(self) -> None:
        for letters in ("x" * 80, "漢" * 25):
            self.in_a_folder(letters)

    def in_a_folder(self, letters: str) -> None:
        with tempfile.TemporaryDirectory(prefix=letters) as folder:
            with mock.patch.object(tempfile, "tempdir", folder):
                child = _server.Child(os.environ["APPRENTICE"])
            self.assertTrue(child.client.healthy())
            child.close()
            self.assertFalse(os.path.exists(child._folder))


def _answers(listener: socket.socket, body: bytes) -> None:
    """Answers one request with a body."""
    with listener, listener.accept()[0] as connection:
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def _actions(draw: random.Random) -> list[str]:
    words = ["ls", "-l", "grep", "'a b'", "\n", "é漢😀", "</function>", "src/a.py", "<think>", "```", "x = 1", " "]
    some = [" ".join(draw.choices(words, k=draw.randint(0, 60))) for _ in range(30)]
    return [CALL.format(s) for s in some] + [f"```bash\n{s}\n```" for s in some] + some


def _experts(draw: random.Random) -> list[tuple[str, str]]:
    fit: dict[str, Callable[[str], Any]] = {
        "xml": lambda a: a.startswith("<function"),
        "bash": lambda a: a.startswith("```bash\n"),
        "text": str.strip,
    }
    found = []
    for language, fits in fit.items():
        for action in [a for a in _actions(draw) if fits(a)][:12]:
            try:
                _plain._calls(language, action)
            except _plain.Violation:
                continue
            found.append((action, language))
    return found


def _broken(draw: random.Random, text: str) -> str:
    at = draw.randrange(len(text))
    piece = draw.choice(
        ["<think>", "</think>", "<function=", "<parameter=command>", "</parameter>", "```", "\ud800", ""]
    )
    return text[:at] + piece + text[at + draw.randint(0, 12) :]


if __name__ == "__main__":
    unittest.main()
