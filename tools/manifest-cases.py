"""Writes test/recordings/manifests/: cases.jsonl has 143 manifests with what real validators said of each, envoy.jsonl static
configurations with what Envoy said.

    python3 tools/manifest-cases.py FOLDER test/recordings/manifests

FOLDER is the istio-validate folder beside the reference: its generators make the manifests again (PyYAML), its recordings have
the verdicts. Nothing is judged here; texts lose the case's file name and random white space only.
"""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile

folder, out = (os.path.abspath(one) for one in sys.argv[1:3])
cases = os.path.join(folder, "cases")

# What of a case Envoy was shown, by the name of its own recording: it gets the filter that the EnvoyFilter carries.
ENVOY = {
    "e23": "unknown field direct", "e24": "wasm untyped", "e25": "TS no type_url", "e26": "TS vm_confg",
    "e34": "direct configuration string", "e35": "TS configuration string", "e36": "local+remote",
    "e37": "fail_open+policy", "e38": "remote bare", "e41": "ads config_discovery", "e49": "allow_on_headers_stop_iteration",
    "e52": "wasm no name", "e57": "TS fail_open maybe", "e59": "configuration Struct", "e60": "configuration Struct flat",
    "e21": "direct type Wasmm", "e30": "router first", "e61": "ok direct", "e62": "ok typedstruct xds", "e63": "TS config beside",
    "e67": "runtime missing",
}


def lines(name):
    with open(os.path.join(cases, name)) as file:
        return [json.loads(line) for line in file if line.startswith("{")]


def admission(name):
    found = {}
    for one in lines(name):
        general = "EnvoyFilter exposes internal"
        warnings = [text for text in one["warnings"] if not text.startswith(general)]
        found[os.path.basename(one["file"])[:-5]] = {"errors": one["errors"], "warnings": warnings}
    return found


def api():
    found = {}
    with open(os.path.join(cases, "neg-api.txt")) as file:
        for line in file:
            case, _, text = line.rstrip("\n").split("|", 2)
            good = text.strip().endswith("serverside-applied (server dry run)")
            found[case] = {"errors": [] if good else [text.strip()]}
    return found


def envoy():
    found = {}
    with open(os.path.join(cases, "envoy-1.40-validate.txt")) as file:
        for block in file.read().split("### ")[1:]:
            name, rest = block.split(": rc=", 1)
            text = " ".join(rest.split())
            tail = re.sub(r"^.*error initializing configuration '[^']*': ", "", text)
            found[name] = {"errors": [] if rest.startswith("0") else [tail[:300]]}
    return found


with tempfile.TemporaryDirectory() as work:
    for name in ("g", "neg"):
        os.mkdir(os.path.join(work, name))
    with open(os.path.join(cases, "goldens.py")) as file:
        reference = os.path.join(os.path.dirname(folder), "reference")
        source = file.read().replace("../../reference", reference)
    subprocess.run([sys.executable, "-c", source], cwd=work, check=True)
    subprocess.run([sys.executable, os.path.join(cases, "neg.py")], cwd=work, check=True, stdout=subprocess.DEVNULL)
    newest, old, server, proxy = admission("neg-admit.jsonl"), admission("neg-111.jsonl"), api(), envoy()
    with open(os.path.join(out, "cases.jsonl"), "w") as target:
        for name in sorted(os.listdir(os.path.join(work, "neg"))):
            case = name[:-5]
            verdicts = {"istio-1.31": newest[case], "kube-apiserver-1.37.2": server[case]}
            if case in old:
                verdicts["istio-2021-08"] = old[case]
            if case in ENVOY:
                verdicts["envoy-1.40.0"] = proxy[ENVOY[case]]
            with open(os.path.join(work, "neg", name)) as file:
                manifest = file.read()
            target.write(json.dumps({"case": case, "manifest": manifest, "verdicts": verdicts}, ensure_ascii=False) + "\n")

    # env.py writes one configuration after another and starts Envoy for each: here the file is kept instead
    os.mkdir(os.path.join(work, "env"))
    open(os.path.join(work, "env", "ok.wasm"), "wb").close()
    with open(os.path.join(cases, "env.py")) as file:
        source = file.read().replace("os.path.abspath('env')", "'/etc/envoy'")
    kept = {}

    class Kept:
        @staticmethod
        def run(*_args, **_options):
            with open("env/t.yaml") as file:
                kept[len(kept)] = file.read()
            return type("Done", (), {"returncode": 0, "stdout": "", "stderr": ""})()

    os.chdir(work)
    sys.argv = ["env.py", "envoy", "1.40.0"]
    values = {"__name__": "env", "subprocess": Kept}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(source.replace("import yaml, copy, subprocess,", "import yaml, copy,"), values)
    with open(os.path.join(out, "envoy.jsonl"), "w") as target:
        for index, name in enumerate(values["cases"]):
            target.write(json.dumps({"case": name, "manifest": kept[index], "verdicts": {"envoy-1.40.0": proxy[name]}}) + "\n")
    os.chdir(folder)
