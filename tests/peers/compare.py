"""Runs Switchboard and minimal bots on one simulated platform, one after the other, and prints what each took.

Called by `cargo xtask bench-peers`, which builds and installs what it needs. Environment: `SWITCHBOARD`, `SIMULATOR` (binaries),
`PYTHON` (of the folder with the Python SDK), `MODULES` (folder with the Node SDK); `MESSAGES`, `WARM_UP` and `IN_FLIGHT` (a
list) change the amount. Nothing but Python's own library is used.
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
CONVERSATIONS = 1000
CHUNKS = 20
# The least time between two updates of a card, as Switchboard's channels have it unless they say otherwise.
CADENCE_MS = 800
# The card template of the SDKs' bots; Switchboard's own choice, the platform's public one, takes a call more.
TEMPLATE = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee.schema"
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


def main():
    print(f"{MESSAGES} messages after {WARM_UP}, {CONVERSATIONS} conversations, {CHUNKS} chunks an answer, calls_per_second = 0")
    sdk = "import importlib.metadata as m; print('dingtalk-stream', m.version('dingtalk-stream'))"
    print(f"{version(PYTHON, '--version')} with {version(PYTHON, '-c', sdk)}; node {version('node', '--version')}")
    print(f"{version(SWITCHBOARD, '--version')}; cadence {CADENCE_MS} ms")
    print("\n| bot | in flight | messages/s | p50 ms | p99 ms | CPU s per 1,000 | peak MiB | calls per answer | clean |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, begin, apart in BOTS:
        for count in IN_FLIGHT:
            amount = ["--messages", str(MESSAGES), "--warm-up", str(WARM_UP), "--in-flight", str(count)]
            told = Run(begin, apart, amount).measured()
            used = told["processes"][0] if told["processes"] else None
            cpu, peak = (f"{used['cpu_seconds_per_1000']:.2f}", f"{used['peak_kib'] / 1024:.0f}") if used else ("?", "?")
            finished = told["latency"]["finished"]
            print(
                f"| {name} | {count} | {told['messages_per_second']:.0f} | {finished['p50_ms']:.1f} | {finished['p99_ms']:.1f}"
                f" | {cpu} | {peak} | {told['calls_per_reply']:.1f} | {'yes' if told['clean'] else 'no'} |",
                flush=True,
            )
    for count in IN_FLIGHT:
        amount = ["--messages", str(MESSAGES), "--warm-up", str(WARM_UP), "--in-flight", str(count)]
        ceiling = [SIMULATOR, "load", "--self-test", "--json", "--chunks", str(CHUNKS), "--conversations", str(CONVERSATIONS)]
        told = json.loads(subprocess.run([*ceiling, *amount], capture_output=True, text=True, check=True).stdout)
        finished = told["latency"]["finished"]
        print(
            f"| the generator's own ceiling | {count} | {told['messages_per_second']:.0f} | {finished['p50_ms']:.1f}"
            f" | {finished['p99_ms']:.1f} | | | {told['calls_per_reply']:.1f} | {'yes' if told['clean'] else 'no'} |"
        )
    print(f"\n| from the process to its connection, median of {STARTS} | ms |\n|---|---|")
    for name, begin, apart in BOTS:
        # One of each is enough: how it answers has nothing to do with how it starts.
        if begin in (switchboard_template, switchboard_plain, trivial_plain) or (apart == 0 and begin is not trivial_bot):
            continue
        seconds = [Run(begin, apart, ["--messages", "1"]).start_seconds() for _ in range(STARTS)]
        print(f"| {name.split(',')[0]} | {statistics.median(seconds) * 1000:.0f} |", flush=True)


main()
