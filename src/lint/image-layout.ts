import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { limits } from "../abi/limits.js";
import { messageOf } from "../errors.js";
import type { Json, JsonObject } from "../manifest/documents.js";
import { isObject } from "../manifest/documents.js";
import { listAt, textAt } from "./context.js";

/** A blob as its descriptor names it. */
export interface LayoutBlob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: Json | undefined;
  /** Undefined: there is no such file. */
  readonly bytes: Buffer | undefined;
}

export interface LayoutManifest {
  readonly mediaType: string;
  readonly blob: LayoutBlob;
  readonly config: LayoutBlob | undefined;
  readonly layers: readonly LayoutBlob[];
  /** `linux/amd64`; undefined where neither index nor configuration says. */
  readonly platform: string | undefined;
  readonly diffIds: readonly (string | undefined)[];
}

/** An OCI image layout in a folder. */
export interface ImageLayout {
  readonly folder: string;
  readonly manifests: readonly LayoutManifest[];
  /** Why it cannot be read. */
  readonly problem: string | undefined;
}

export const isImageLayout = (folder: string): boolean => existsSync(join(folder, "oci-layout"));

/** Reads a folder with `oci-layout`. Never throws for what stands in it. */
export function readImageLayout(folder: string): ImageLayout {
  try {
    const index = JSON.parse(readFileSync(join(folder, "index.json"), "utf8")) as Json;
    return { folder, manifests: manifestsOf(folder, index, 0), problem: undefined };
  } catch (thrown) {
    return { folder, manifests: [], problem: messageOf(thrown) };
  }
}

const deepestIndex = 3;

function manifestsOf(folder: string, index: Json, depth: number): LayoutManifest[] {
  return listAt(index, ["manifests"]).flatMap((entry) => {
    if (!isObject(entry)) return [];
    const blob = blobOf(folder, entry);
    const content = jsonOf(blob);
    if (Array.isArray(content["manifests"]) && depth < deepestIndex) return manifestsOf(folder, content, depth + 1);
    const config = isObject(content["config"]) ? blobOf(folder, content["config"]) : undefined;
    const image = config === undefined ? {} : jsonOf(config);
    const [os, architecture] = [
      textAt(entry, ["platform", "os"]) ?? textAt(image, ["os"]),
      textAt(entry, ["platform", "architecture"]) ?? textAt(image, ["architecture"]),
    ];
    return [
      {
        mediaType: textAt(content, ["mediaType"]) ?? blob.mediaType,
        blob,
        config,
        layers: listAt(content, ["layers"])
          .filter(isObject)
          .map((layer) => blobOf(folder, layer)),
        platform: os === undefined || architecture === undefined ? undefined : `${os}/${architecture}`,
        diffIds: listAt(image, ["rootfs", "diff_ids"]).map((one) => (typeof one === "string" ? one : undefined)),
      },
    ];
  });
}

function blobOf(folder: string, descriptor: JsonObject): LayoutBlob {
  const digest = textAt(descriptor, ["digest"]) ?? "";
  const [, hex] = /^sha256:([a-f0-9]{64})$/.exec(digest) ?? [];
  const path = hex === undefined ? undefined : join(folder, "blobs", "sha256", hex);
  const bytes = path !== undefined && existsSync(path) ? readFileSync(path) : undefined;
  return { mediaType: textAt(descriptor, ["mediaType"]) ?? "", digest, size: descriptor["size"], bytes };
}

function jsonOf({ bytes }: LayoutBlob): JsonObject {
  if (bytes === undefined) return {};
  const value = JSON.parse(bytes.toString("utf8")) as Json;
  return isObject(value) ? value : {};
}

export const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** What is in a gzip; undefined when it is none. */
export function gunzipped(bytes: Buffer): Buffer | undefined {
  try {
    return gunzipSync(bytes, { maxOutputLength: limits.fileBytes });
  } catch {
    return undefined;
  }
}

/** Names and contents of the files in a tar; undefined when it is none. */
export function tarFiles(tar: Buffer): Map<string, Buffer> | undefined {
  const files = new Map<string, Buffer>();
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0;) {
    const header = tar.subarray(at, at + 512);
    if (header.toString("latin1", 257, 262) !== "ustar") return undefined;
    const text = (from: number, to: number): string => header.toString("utf8", from, to).replace(/\0.*$/s, "");
    const size = Number.parseInt(text(124, 136).trim(), 8);
    if (!Number.isSafeInteger(size)) return undefined;
    const isFile = header[156] === 0 || header[156] === 0x30;
    if (isFile) files.set(text(0, 100), tar.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files.size === 0 ? undefined : files;
}
