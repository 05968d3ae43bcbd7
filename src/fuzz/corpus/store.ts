import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { HarnessError, messageOf } from "../../errors.js";
import { whyUnreadable } from "../../harness/source.js";

/** Files by name, in a directory or a bucket: what several runs of the fuzzer share. */
export interface Store {
  /** As a person names it. */
  readonly name: string;
  /** Names of files in order, those that begin with a dot passed over. Of what does not exist: none. @throws {HarnessError} FILE_UNREADABLE */
  list(): Promise<readonly string[]>;
  /** A file as a person names it. */
  path(file: string): string;
  /** @returns The text; a number for one that has more bytes than asked for. @throws {HarnessError} FILE_UNREADABLE */
  read(file: string, mostBytes: number): Promise<string | number>;
  /** All of a file or nothing of it, whoever else writes at the same time. @throws {HarnessError} FILE_UNREADABLE */
  write(file: string, content: string): Promise<void>;
  /** @throws {HarnessError} FILE_UNREADABLE */
  remove(file: string): Promise<void>;
  /** A part of it. */
  within(part: string): Store;
}

/** A store by its name: `s3://bucket/prefix` or a directory. @throws {HarnessError} OPTION_INVALID for what a bucket lacks. */
export async function openStore(name: string): Promise<Store> {
  if (!name.startsWith("s3://")) return new DirectoryStore(name);
  const { S3Store } = await import("./s3-store.js");
  return S3Store.open(name, process.env);
}

/** A directory, made when it is first written to. */
export class DirectoryStore implements Store {
  readonly name: string;

  constructor(directory: string) {
    this.name = directory;
  }

  async list(): Promise<readonly string[]> {
    try {
      const all = await readdir(this.name, { withFileTypes: true });
      return all.flatMap((one) => (one.name.startsWith(".") || one.isDirectory() ? [] : one.name)).sort();
    } catch (thrown) {
      const { code } = thrown as { code?: string };
      if (code === "ENOENT") return [];
      const why = code === "ENOTDIR" ? "it is a file, not a directory" : whyUnreadable(thrown);
      throw new HarnessError("FILE_UNREADABLE", `Cannot read the directory ${this.name}: ${why}`, { cause: thrown });
    }
  }

  path(file: string): string {
    return join(this.name, file);
  }

  async read(file: string, mostBytes: number): Promise<string | number> {
    const path = this.path(file);
    try {
      const { size } = await stat(path);
      return size > mostBytes ? size : await readFile(path, "utf8");
    } catch (thrown) {
      throw new HarnessError("FILE_UNREADABLE", `Cannot read ${path}: ${whyUnreadable(thrown)}`, { cause: thrown });
    }
  }

  async write(file: string, content: string): Promise<void> {
    const path = this.path(file);
    // under another name first: who reads meanwhile sees all of a file or nothing; in pods each of us is process 1
    const unfinished = join(dirname(path), `.${file}.${randomUUID()}`);
    try {
      await mkdir(this.name, { recursive: true });
      await writeFile(unfinished, content);
      await rename(unfinished, path);
    } catch (thrown) {
      await rm(unfinished, { force: true }).catch(() => undefined); // why it failed is what is told
      throw new HarnessError("FILE_UNREADABLE", `Cannot write ${path}: ${whyUnreadable(thrown)}`, { cause: thrown });
    }
  }

  async remove(file: string): Promise<void> {
    try {
      await unlink(this.path(file));
    } catch (thrown) {
      if ((thrown as { code?: string }).code === "ENOENT") return;
      throw new HarnessError("FILE_UNREADABLE", `Cannot remove ${this.path(file)}: ${messageOf(thrown)}`, {
        cause: thrown,
      });
    }
  }

  within(part: string): Store {
    return new DirectoryStore(this.path(part));
  }
}
