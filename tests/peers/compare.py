"""Runs Switchboard and minimal bots on the same simulated platform, in turn, and prints what each took.

Each round has one run of every row, so that whatever else the machine does falls on all of them.

Called by `cargo xtask bench-peers`, which builds and installs what it needs. Environment: `SWITCHBOARD`, `SIMULATOR` (binaries),
`PYTHON` (of the folder with the Python SDK), `MODULES` (folder with the Node SDK); `MESSAGES`, `WARM_UP`, `IN_FLIGHT` (a
list) and `RUNS` (rounds) change the amount. Nothing but Python's own library is used.
"""

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
SWITCHBOARD, SIMULATOR = os.environ["SWITCHBOARD"], os.environ["SIMULATOR"]
PYTHON, MODULES = os.environ["PYTHON"], os.environ["MODULES"]
MESSAGES = int(os.environ.get("MESSAGES", "2000"))
WARM_UP = int(os.environ.get("WARM_UP", "200"))
IN_FLIGHT = [int(count) for count in os.environ.get("IN_FLIGHT", "16,128").split(",")]
RUNS = max(1, int(os.environ.get("RUNS", "3")))
CONVERSATIONS = 1000
CHUNKS = 20
# The least time between two updates of a card, as Switchboard's channels have it unless they say otherwise.
CADENCE_MS = 800
# The card template of the SDKs' bots; Switchboard's own choice, the platform's public one, takes a call more.
TEMPLATE = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee.schema"
# The SDKs and what they speak HTTP and WebSockets with; told where they are installed.
PYTHON_PACKAGES = ["dingtalk-stream", "aiohttp", "websockets"]
NODE_PACKAGES = ["dingtalk-stream", "axios"]
TELL_VERSIONS = """
import importlib.metadata, sys
for name in sys.argv[1:]:
    try:
        print(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        pass
"""
STARTS = 5
# Answers that take their time, so that cards are updated meanwhile: how long, and a part of the messages of the other rows.
SLOW_SECONDS = 3
SLOW_PART = 4
# Far longer than a start or an end takes on a busy machine.
CAP_SECONDS = 60

SETTINGS = """
[store]
url = "file:{home}/store"
[security]
encryption_key_file = "{home}/key"
[[agents]]
name = "load"
kind = "openai-chat"
base_url = "{agent}"
model = "load"
[[channels]]
name = "Load"
type = "dingtalk"
default_agent = "load"
[channels.config]
client_id = "ding-sim-app"
client_secret = "sim-secret"
calls_per_second = 0
api_base_url = "{platform}"
oapi_base_url = "{platform}"
ai_card = {card}
[channels.access]
messages_per_minute = 0
"""


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def switchboard(home, platform, agent, _apart, card="{ enabled = true }"):
    settings = Path(home) / "switchboard.toml"
    settings.write_text(SETTINGS.format(home=home, platform=platform, agent=agent, card=card))
    listen = f"127.0.0.1:{free_port()}"
    return [SWITCHBOARD, "serve", "--config", str(settings), "--listen", listen], {}


def switchboard_plain(home, platform, agent, apart):
    return switchboard(home, platform, agent, apart, card="{ enabled = false }")


def switchboard_template(home, platform, agent, apart):
    return switchboard(home, platform, agent, apart, card=f'{{ template_id = "{TEMPLATE}" }}')


def python_bot(_home, platform, agent, apart):
    return [PYTHON, str(HERE / "bot.py")], {"PLATFORM": platform, "AGENT": agent, "APART_MS": str(apart)}


def node_bot(_home, platform, agent, apart):
    places = {"PLATFORM": platform, "AGENT": agent, "APART_MS": str(apart), "MODULES": MODULES}
    return ["node", str(HERE / "bot.mjs")], places


def trivial_bot(_home, platform, agent, _apart):
    return [SIMULATOR, "bot", "--platform", platform.removeprefix("http://"), "--agent", agent], {}


def trivial_plain(home, platform, agent, apart):
    command, places = trivial_bot(home, platform, agent, apart)
    return [*command, "--reply", "text"], places


OURS = "Switchboard, the bots' template, every message stored"
OURS_PLAIN = "Switchboard, one plain reply, every message stored"
PYTHON_SAME, NODE_SAME = "Python SDK, same cadence", "Node SDK, same cadence"
TRIVIAL, TRIVIAL_PLAIN = "trivial bot in Rust, each chunk", "trivial bot in Rust, one plain reply"

# Name, how it is begun, the least time between updates (ms).
BOTS = [
    (OURS, switchboard_template, CADENCE_MS),
    ("Switchboard, the public template, every message stored", switchboard, CADENCE_MS),
    (PYTHON_SAME, python_bot, CADENCE_MS),
    ("Python SDK, each chunk", python_bot, 0),
    (NODE_SAME, node_bot, CADENCE_MS),
    ("Node SDK, each chunk", node_bot, 0),
    (TRIVIAL, trivial_bot, 0),
    (OURS_PLAIN, switchboard_plain, CADENCE_MS),
    (TRIVIAL_PLAIN, trivial_plain, 0),
]
# Those that are tried with answers that take their time, too.
SLOW = [OURS, PYTHON_SAME, NODE_SAME]


class Run:
    """One generator and one bot."""

    def __init__(self, begin, apart, amount):
        self.home = tempfile.TemporaryDirectory(prefix="switchboard-peers-")
        platform, agent = free_port(), free_port()
        self.load = [
            SIMULATOR, "load", "--listen", f"127.0.0.1:{platform}", f"--agent=127.0.0.1:{agent}", "--json",
            "--conversations", str(CONVERSATIONS), "--chunks", str(CHUNKS), *amount,
        ]
        command, places = begin(self.home.name, f"http://127.0.0.1:{platform}", f"http://127.0.0.1:{agent}/v1", apart)
        self.command, self.places = command, {**os.environ, **places}

    def bot(self):
        log = open(Path(self.home.name) / "bot.log", "wb")
        return subprocess.Popen(self.command, env=self.places, cwd=self.home.name, stdout=log, stderr=log)

    def generator(self, more=()):
        return subprocess.Popen([*self.load, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def measured(self):
        """What the generator reports; the bot's process is watched, so it begins first."""
        bot = self.bot()
        try:
            generator = self.generator(["--pid", str(bot.pid)])
            out, told = generator.communicate()
        finally:
            ended(bot)
        if generator.returncode not in (0, 1) or not out.strip():
            shown = (Path(self.home.name) / "bot.log").read_text(errors="replace")[-2000:]
            sys.exit(f"the generator failed ({generator.returncode}): {told}\nthe bot said: {shown}")
        return json.loads(out)

    def start_seconds(self):
        """From the bot's process to its connection, on a platform that is there."""
        generator = self.generator()
        for line in generator.stderr:
            if line.startswith("agent"):
                break
        begun = time.monotonic()
        bot = self.bot()
        try:
            for line in generator.stderr:
                if line.startswith("connected"):
                    return time.monotonic() - begun
            sys.exit("the bot did not connect")
        finally:
            generator.send_signal(signal.SIGINT)
            generator.communicate()
            ended(bot)


def ended(process):
    process.terminate()
    try:
        process.wait(CAP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def version(*command):
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    return (told.stdout or told.stderr).strip().splitlines()[0]


def python_versions():
    """Of the Python SDK and of what it speaks HTTP and WebSockets with, by what is installed."""
    listed = subprocess.run([PYTHON, "-c", TELL_VERSIONS, *PYTHON_PACKAGES], capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


def node_versions():
    """The same of the Node SDK."""
    for name in NODE_PACKAGES:
        try:
            package = json.loads((Path(MODULES) / "node_modules" / name / "package.json").read_text())
        except FileNotFoundError:
            continue
        yield f"{name} {package['version']}"


def shown(values, digits):
    """The median, with the least and the most behind it; one value is told alone."""
    median = f"{statistics.median(values):.{digits}f}"
    if len(values) == 1:
        return median
    return f"{median} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def cpu_seconds(all_told):
    return statistics.median(told["processes"][0]["cpu_seconds_per_1000"] for told in all_told)


def peak_mib(all_told):
    """The most of all runs."""
    return max(told["processes"][0]["peak_kib"] for told in all_told) / 1024


def rate(all_told):
    return statistics.median(told["messages_per_second"] for told in all_told)


def finished_ms(all_told, percentile):
    return statistics.median(told["latency"]["finished"][f"{percentile}_ms"] for told in all_told)


def print_ratios(told):
    """What the rows say beside each other, by name and messages in flight."""
    print("\n| beside each other | in flight | figure |\n|---|---|---|")
    for count in IN_FLIGHT:
        ours, bots = told[OURS, count], [told[PYTHON_SAME, count], told[NODE_SAME, count]]
        said = [
            ("CPU of the leaner SDK bot at the same cadence", cpu_seconds(ours) / min(map(cpu_seconds, bots))),
            ("peak memory of the leaner SDK bot", peak_mib(ours) / min(map(peak_mib, bots))),
            ("p99 by the lower p50 of the SDK bots", finished_ms(ours, "p99") / min(finished_ms(bot, "p50") for bot in bots)),
            ("messages/s of the trivial bot", rate(ours) / rate(told[TRIVIAL, count])),
            ("messages/s of the trivial bot, plain replies", rate(told[OURS_PLAIN, count]) / rate(told[TRIVIAL_PLAIN, count])),
        ]
        for name, figure in said:
            print(f"| {name} | {count} | {figure:.2f} |")
    slow = max(IN_FLIGHT)
    ours, bots = told[slow_name(OURS), slow], [told[slow_name(name), slow] for name in SLOW[1:]]
    print(f"| CPU of the leaner SDK bot at the same cadence, {SLOW_SECONDS} s answers | {slow} | {cpu_seconds(ours) / min(map(cpu_seconds, bots)):.2f} |")


def slow_name(name):
    return f"{name}, answers of {SLOW_SECONDS} s"


def print_row(name, count, all_told):
    """A row of the table: medians of the runs, with their spread where it says most."""
    used = [told["processes"][0] for told in all_told if told["processes"]]
    # The generator's own bot is no process of its own.
    cpu = peak = "" if all_told[0]["asked"]["self_test"] else "?"
    if used:
        cpu = shown([process["cpu_seconds_per_1000"] for process in used], 2)
        peak = f"{peak_mib(all_told):.0f}"
    cells = [
        name,
        str(count),
        shown([told["messages_per_second"] for told in all_told], 0),
        f"{finished_ms(all_told, 'p50'):.1f}",
        f"{finished_ms(all_told, 'p99'):.1f}",
        cpu,
        peak,
        f"{statistics.median(told['calls_per_reply'] for told in all_told):.1f}",
        "yes" if all(told["clean"] for told in all_told) else "no",
    ]
    print(f"| {' | '.join(cells)} |", flush=True)


def ceiling(reply, amount):
    """What the generator reports of its own bot."""
    command = [SIMULATOR, "load", f"--self-test={reply}", "--json", "--chunks", str(CHUNKS), "--conversations", str(CONVERSATIONS)]
    return json.loads(subprocess.run([*command, *amount], capture_output=True, text=True, check=True).stdout)


def rows():
    """What is measured: name, messages in flight, and how a run of it is made."""
    usual = ["--messages", str(MESSAGES), "--warm-up", str(WARM_UP)]
    for name, begin, apart in BOTS:
        for count in IN_FLIGHT:
            amount = [*usual, "--in-flight", str(count)]
            yield name, count, lambda begin=begin, apart=apart, amount=amount: Run(begin, apart, amount).measured()
    slow = ["--messages", str(MESSAGES // SLOW_PART), "--warm-up", str(WARM_UP), "--answer-seconds", str(SLOW_SECONDS)]
    for name, begin, apart in BOTS:
        if name in SLOW:
            count = max(IN_FLIGHT)
            amount = [*slow, "--in-flight", str(count)]
            yield slow_name(name), count, lambda begin=begin, apart=apart, amount=amount: Run(begin, apart, amount).measured()
    for reply, name in [("card", "the generator's own ceiling, cards"), ("text", "the generator's own ceiling, plain replies")]:
        for count in IN_FLIGHT:
            amount = [*usual, "--in-flight", str(count)]
            yield name, count, lambda reply=reply, amount=amount: ceiling(reply, amount)


def main():
    print(f"{MESSAGES} messages after {WARM_UP}, {CONVERSATIONS} conversations, {CHUNKS} chunks an answer, calls_per_second = 0")
    print(f"{version(PYTHON, '--version')} with {', '.join(python_versions())}")
    print(f"node {version('node', '--version')} with {', '.join(node_versions())}")
    print(f"{version(SWITCHBOARD, '--version')}; cadence {CADENCE_MS} ms; medians of {RUNS} runs (the least to the most of them), peak memory the most of them")
    told = {}
    for number in range(RUNS):
        for name, count, run in rows():
            print(f"round {number + 1} of {RUNS}: {name}, {count} in flight", file=sys.stderr, flush=True)
            told.setdefault((name, count), []).append(run())
    print("\n| bot | in flight | messages/s | p50 ms | p99 ms | CPU s per 1,000 | peak MiB | calls per answer | clean |")
    print("|---|---|---|---|---|---|---|---|---|")
    for (name, count), all_told in told.items():
        print_row(name, count, all_told)
    print_ratios(told)
    print(f"\n| from the process to its connection, median of {STARTS} | ms |\n|---|---|")
    for name, begin, apart in BOTS:
        # One of each is enough: how it answers has nothing to do with how it starts.
        if begin in (switchboard_template, switchboard_plain, trivial_plain) or (apart == 0 and begin is not trivial_bot):
            continue
        seconds = [Run(begin, apart, ["--messages", "1"]).start_seconds() for _ in range(STARTS)]
        print(f"| {name.split(',')[0]} | {statistics.median(seconds) * 1000:.0f} |", flush=True)


main()
