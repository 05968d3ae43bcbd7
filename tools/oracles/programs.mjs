// The Go programs: built on demand, asked one question a line.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const here = import.meta.dirname;
const built = join(here, "../../.cache/oracles");

/** Builds one of the folders here; the second time is quick. @returns The program's path. */
export function build(name) {
  mkdirSync(built, { recursive: true });
  const program = join(built, name);
  process.stderr.write(`building ${name} (the first time takes minutes)\n`);
  const args = ["build", "-trimpath", "-ldflags=-s -w", "-o", program, "."];
  const { status, error } = spawnSync("go", args, { cwd: join(here, name), stdio: ["ignore", "inherit", "inherit"] });
  if (error !== undefined) throw new Error(`Cannot build ${name}: ${error.message}; Go 1.26 is wanted on the PATH`);
  if (status !== 0) throw new Error(`Cannot build ${name}: go build ended with ${status}`);
  return program;
}

/** The version of a module that one of the folders here is built with. */
export function moduleVersion(name, module) {
  const found = readFileSync(join(here, name, "go.mod"), "utf8").match(
    new RegExp(`^\\s*(?:require )?${module} (v\\S+)`, "m"),
  );
  if (found === null) throw new Error(`${name}/go.mod does not name ${module}`);
  return found[1];
}

/** Where the sources of such a module are. */
export function moduleFolder(name, module) {
  const { stdout, stderr, status } = spawnSync("go", ["list", "-m", "-f", "{{.Dir}}", module], {
    cwd: join(here, name),
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`Cannot find the sources of ${module}: ${stderr}`);
  return stdout.trim();
}

/** The sources of a module that nothing is built with: its definitions are wanted. @param modulePath With its version. */
export function downloadedFolder(modulePath) {
  const { stdout, status } = spawnSync("go", ["mod", "download", "-json", modulePath], {
    cwd: tmpdir(),
    encoding: "utf8",
  });
  if (status !== 0)
    throw new Error(`Cannot download ${modulePath}: ${JSON.parse(stdout || "{}").Error ?? "is Go there?"}`);
  return JSON.parse(stdout).Dir;
}

/** A program that answers one line for each line. */
export class Oracle {
  #child;
  #waiting = [];

  constructor(program) {
    // Istio prints a warning on standard output without these
    const env = { ...process.env, TARGET_OUT: built, LOCAL_OUT: built };
    this.#child = spawn(program, [], { stdio: ["pipe", "pipe", "ignore"], env });
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      const { resolve, reject } = this.#waiting.shift();
      const { answer, failed } = JSON.parse(line);
      if (failed === undefined) resolve(answer);
      else reject(new Error(failed));
    });
    this.#child.on("exit", (code) => {
      for (const { reject } of this.#waiting) reject(new Error(`${program} ended with ${code}`));
    });
  }

  ask(question) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.stdin.write(`${JSON.stringify(question)}\n`);
    });
  }

  close() {
    this.#child.stdin.end();
  }
}
