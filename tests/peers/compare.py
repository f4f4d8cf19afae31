"""Runs Switchboard and minimal bots on one simulated platform, one after the other, and prints what each took.

Called by `cargo xtask bench-peers`, which builds and installs what it needs. Environment: `SWITCHBOARD`, `SIMULATOR` (binaries),
`PYTHON` (of the folder with the Python SDK), `MODULES` (folder with the Node SDK); `MESSAGES`, `WARM_UP`, `IN_FLIGHT` (a
list) and `RUNS` (of each row) change the amount. Nothing but Python's own library is used.
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


# Name, how it is begun, the least time between updates (ms).
BOTS = [
    ("Switchboard, the bots' template, every message stored", switchboard_template, CADENCE_MS),
    ("Switchboard, the public template, every message stored", switchboard, CADENCE_MS),
    ("Python SDK, same cadence", python_bot, CADENCE_MS),
    ("Python SDK, each chunk", python_bot, 0),
    ("Node SDK, same cadence", node_bot, CADENCE_MS),
    ("Node SDK, each chunk", node_bot, 0),
    ("trivial bot in Rust, each chunk", trivial_bot, 0),
    ("Switchboard, one plain reply, every message stored", switchboard_plain, CADENCE_MS),
    ("trivial bot in Rust, one plain reply", trivial_plain, 0),
]


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


def print_row(name, count, all_told):
    """A row of the table: medians of the runs, with their spread where it says most."""
    used = [told["processes"][0] for told in all_told if told["processes"]]
    finished = [told["latency"]["finished"] for told in all_told]
    # The generator's own bot is no process of its own.
    cpu = peak = "" if all_told[0]["asked"]["self_test"] else "?"
    if used:
        cpu = shown([process["cpu_seconds_per_1000"] for process in used], 2)
        peak = f"{statistics.median(process['peak_kib'] for process in used) / 1024:.0f}"
    cells = [
        name,
        str(count),
        shown([told["messages_per_second"] for told in all_told], 0),
        f"{statistics.median(row['p50_ms'] for row in finished):.1f}",
        f"{statistics.median(row['p99_ms'] for row in finished):.1f}",
        cpu,
        peak,
        f"{statistics.median(told['calls_per_reply'] for told in all_told):.1f}",
        "yes" if all(told["clean"] for told in all_told) else "no",
    ]
    print(f"| {' | '.join(cells)} |", flush=True)


def ceiling(amount):
    """What the generator reports of its own bot."""
    command = [SIMULATOR, "load", "--self-test", "--json", "--chunks", str(CHUNKS), "--conversations", str(CONVERSATIONS)]
    return json.loads(subprocess.run([*command, *amount], capture_output=True, text=True, check=True).stdout)


def main():
    print(f"{MESSAGES} messages after {WARM_UP}, {CONVERSATIONS} conversations, {CHUNKS} chunks an answer, calls_per_second = 0")
    print(f"{version(PYTHON, '--version')} with {', '.join(python_versions())}")
    print(f"node {version('node', '--version')} with {', '.join(node_versions())}")
    print(f"{version(SWITCHBOARD, '--version')}; cadence {CADENCE_MS} ms; medians of {RUNS} runs (the least to the most of them)")
    print("\n| bot | in flight | messages/s | p50 ms | p99 ms | CPU s per 1,000 | peak MiB | calls per answer | clean |")
    print("|---|---|---|---|---|---|---|---|---|")
    usual = ["--messages", str(MESSAGES), "--warm-up", str(WARM_UP)]
    amounts = [(count, [*usual, "--in-flight", str(count)]) for count in IN_FLIGHT]
    for name, begin, apart in BOTS:
        for count, amount in amounts:
            print_row(name, count, [Run(begin, apart, amount).measured() for _ in range(RUNS)])
    for count, amount in amounts:
        print_row("the generator's own ceiling", count, [ceiling(amount) for _ in range(RUNS)])
    print(f"\n| from the process to its connection, median of {STARTS} | ms |\n|---|---|")
    for name, begin, apart in BOTS:
        # One of each is enough: how it answers has nothing to do with how it starts.
        if begin in (switchboard_template, switchboard_plain, trivial_plain) or (apart == 0 and begin is not trivial_bot):
            continue
        seconds = [Run(begin, apart, ["--messages", "1"]).start_seconds() for _ in range(STARTS)]
        print(f"| {name.split(',')[0]} | {statistics.median(seconds) * 1000:.0f} |", flush=True)


main()
