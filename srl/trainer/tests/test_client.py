"""Runs against the program that APPRENTICE names: `python3 -m unittest discover -s srl/trainer/tests`."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
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
    _child: _client._Child
    _env: Any

    @classmethod
    def setUpClass(cls) -> None:
        cls._child = _client._Child(os.environ["APPRENTICE"])
        cls.client = cls._child.client
        cls._env = mock.patch.dict(os.environ, {"APPRENTICE_REWARD_URL": cls.client.url})
        cls._env.start()

    @classmethod
    def tearDownClass(cls) -> None:
        cls._env.stop()
        cls._child.close()

    def setUp(self) -> None:
        _client._found = None


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
        with self.assertRaisesRegex(RewardError, "2 tries"):
            Client("unix:/nowhere/reward.sock", tries=2).score([Group(label(), [""])])
        self.assertFalse(Client("http://127.0.0.1:9").healthy())
        with self.assertRaisesRegex(ValueError, "want http"):
            Client("127.0.0.1:8000")

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

    def test_slime(self) -> None:
        def sample(response: str) -> types.SimpleNamespace:
            return types.SimpleNamespace(label=label(), response=response)

        args = types.SimpleNamespace(reward_key=None)
        self.assertEqual(asyncio.run(slime.reward(args, sample(said(ACTION) + "<|im_end|>"))), 1.0)
        self.assertEqual(asyncio.run(slime.reward(args, [sample(said(ACTION)), sample("?")])), [1.0, -1.0])
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
        _client._found = None

    tearDown = setUp

    def test_a_child_ends_with_this_process_however_it_ends(self) -> None:
        script = (
            "import sys, time\nfrom apprentice_srl import _client\n"
            "print(_client._server().url, _client._found[2]._process.pid, flush=True)\ntime.sleep(60)\n"
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

    def test_a_program_that_is_no_server(self) -> None:
        with (
            mock.patch.dict(os.environ, {"APPRENTICE": "/bin/false", "APPRENTICE_REWARD_URL": ""}),
            self.assertRaisesRegex(RewardError, "did not start"),
        ):
            score([Group(label(), [""])])


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
