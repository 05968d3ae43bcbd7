import type { Dispatcher } from "undici";
import { HarnessError, messageOf } from "../errors.js";
import type { ImageReference } from "./image-reference.js";
import type { Blob, OciImage } from "./oci.js";

export interface PushOptions {
  /** Speak HTTP without TLS. Default: to this machine only. */
  readonly plainHttp?: boolean;
  /** For a registry that asks for them. */
  readonly credentials?: { readonly user: string; readonly password: string };
}

/** What the registry has now. */
export interface Pushed {
  /** `registry/repository@sha256:…` */
  readonly reference: string;
  /** Blobs that were there before. */
  readonly present: number;
}

const timeoutMs = 60_000;

/**
 * Puts an image into a registry: blobs it does not have, then the manifest under its tag.
 *
 * @throws {HarnessError} REGISTRY_FAILED with what the registry said; nothing is under the tag then.
 */
export async function pushImage(image: OciImage, to: ImageReference, options: PushOptions = {}): Promise<Pushed> {
  const session = new Session(to, options);
  let present = 0;
  for (const blob of image.blobs) if (await session.putBlob(blob)) present++;
  await session.putManifest(image.manifest);
  return { reference: `${to.registry}/${to.repository}@${image.manifest.digest}`, present };
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Requests to one repository, with the permission that the registry gave. */
class Session {
  readonly #to: ImageReference;
  readonly #options: PushOptions;
  readonly #base: string;
  #authorization: string | undefined;

  constructor(to: ImageReference, options: PushOptions) {
    this.#to = to;
    this.#options = options;
    const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(to.registry);
    this.#base = `${(options.plainHttp ?? isLocal) ? "http" : "https"}://${to.registry}`;
  }

  /** @returns Whether it was there before. */
  async putBlob({ digest, bytes }: Blob): Promise<boolean> {
    const blobs = `${this.#base}/v2/${this.#to.repository}/blobs`;
    if ((await this.send("HEAD", `${blobs}/${digest}`)).status === 200) return true;
    const begun = await this.#expect(202, "begin an upload", "POST", `${blobs}/uploads/`);
    const location = begun.headers["location"];
    if (typeof location !== "string") throw this.#failure("begin an upload", "it did not say where to");
    const url = new URL(location, this.#base);
    url.searchParams.set("digest", digest);
    await this.#expect(201, `store ${digest}`, "PUT", url.href, bytes, "application/octet-stream");
    return false;
  }

  async putManifest({ digest, bytes, mediaType }: Blob): Promise<void> {
    const url = `${this.#base}/v2/${this.#to.repository}/manifests/${this.#to.tag}`;
    const { headers } = await this.#expect(201, "store the manifest", "PUT", url, bytes, mediaType);
    const stored = headers["docker-content-digest"];
    if (stored !== undefined && stored !== digest) {
      throw this.#failure("store the manifest", `it has ${String(stored)} now, not ${digest}`);
    }
  }

  async #expect(status: number, what: string, ...request: Parameters<Session["send"]>): Promise<Answer> {
    const answer = await this.send(...request);
    if (answer.status === status) return answer;
    throw this.#failure(what, `it answered ${answer.status}${said(answer.text)}${this.#advice(answer.status)}`);
  }

  async send(method: Dispatcher.HttpMethod, url: string, body?: Uint8Array, type?: string): Promise<Answer> {
    const answer = await this.#once(method, url, body, type);
    if (answer.status !== 401 || this.#authorization !== undefined) return answer;
    this.#authorization = await this.#permission(String(answer.headers["www-authenticate"] ?? ""));
    return this.#authorization === undefined ? answer : this.#once(method, url, body, type);
  }

  async #once(method: Dispatcher.HttpMethod, url: string, body?: Uint8Array, type?: string): Promise<Answer> {
    // an upload may go to another host, which is not to learn who we are
    const isOurs = new URL(url).host === new URL(this.#base).host;
    return this.#request(method, url, body, {
      ...(type !== undefined && { "content-type": type }),
      ...(isOurs && this.#authorization !== undefined && { authorization: this.#authorization }),
    });
  }

  async #request(
    method: Dispatcher.HttpMethod,
    url: string,
    body: Uint8Array | undefined,
    headers: Record<string, string>,
  ): Promise<Answer> {
    const { request } = await import("undici");
    try {
      const answer = await request(url, {
        method,
        headers,
        ...(body !== undefined && { body }),
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      });
      return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
    } catch (thrown) {
      const cause = thrown instanceof AggregateError ? thrown.errors[0] : thrown;
      throw this.#failure("reach it", messageOf(cause) || String((cause as { code?: string }).code), thrown);
    }
  }

  /** What to send as `authorization`, for what the registry asks; undefined: nothing would help. */
  async #permission(challenge: string): Promise<string | undefined> {
    const { credentials } = this.#options;
    const basic =
      credentials && `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString("base64")}`;
    if (/^basic\b/i.test(challenge)) return basic;
    if (!/^bearer\b/i.test(challenge)) return undefined;
    const asked = Object.fromEntries(
      [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key!, value!]),
    );
    if (asked["realm"] === undefined || !URL.canParse(asked["realm"])) return undefined;
    const url = new URL(asked["realm"]);
    if (url.protocol !== "https:" && basic !== undefined && !this.#base.startsWith("http:")) return undefined;
    if (asked["service"] !== undefined) url.searchParams.set("service", asked["service"]);
    url.searchParams.set("scope", `repository:${this.#to.repository}:pull,push`);
    const { status, text } = await this.#request("GET", url.href, undefined, basic ? { authorization: basic } : {});
    if (status !== 200) return undefined;
    try {
      const { token, access_token } = JSON.parse(text) as { token?: string; access_token?: string };
      const given = token ?? access_token;
      return given === undefined ? undefined : `Bearer ${given}`;
    } catch {
      return undefined;
    }
  }

  #advice(status: number): string {
    if (status !== 401 && status !== 403) return "";
    return this.#options.credentials === undefined
      ? "; set PWH_REGISTRY_USER and PWH_REGISTRY_PASSWORD"
      : "; it does not take the name and password of PWH_REGISTRY_USER";
  }

  #failure(what: string, why: string, cause?: unknown): HarnessError {
    const { registry, repository } = this.#to;
    return new HarnessError("REGISTRY_FAILED", `Cannot push to ${registry}/${repository}: could not ${what}: ${why}`, {
      cause,
    });
  }
}

/** The registry's own words, from its list of errors. */
function said(text: string): string {
  try {
    const { errors } = JSON.parse(text) as { errors?: readonly { code?: string; message?: string }[] };
    const words = (errors ?? []).map(({ code, message }) => [code, message].filter(Boolean).join(": "));
    return words.length === 0 ? "" : ` (${words.join("; ")})`;
  } catch {
    return "";
  }
}
