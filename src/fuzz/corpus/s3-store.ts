import { AwsClient } from "aws4fetch";
import { HarnessError, messageOf } from "../../errors.js";
import type { Store } from "./store.js";

/**
 * Objects of a bucket under a prefix, of Amazon S3 or whatever speaks its protocol.
 *
 * Only listing, reading, writing and removing objects is asked for, each with an address of the form `endpoint/bucket/key`.
 */
export class S3Store implements Store {
  readonly name: string;
  private readonly _client: AwsClient;
  /** Of the bucket, with a slash behind it. */
  private readonly _url: string;
  /** Before each key: empty, or with a slash behind it. */
  private readonly _prefix: string;

  private constructor(name: string, client: AwsClient, url: string, prefix: string) {
    this.name = name;
    this._client = client;
    this._url = url;
    this._prefix = prefix;
  }

  /**
   * @param name `s3://bucket` or `s3://bucket/prefix`.
   * @param env AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION [us-east-1], AWS_ENDPOINT_URL_S3 or
   *   AWS_ENDPOINT_URL [that of Amazon in the region], as other tools read them.
   * @throws {HarnessError} OPTION_INVALID
   */
  static open(name: string, env: Readonly<Record<string, string | undefined>>): S3Store {
    const [, bucket, prefix = ""] = /^s3:\/\/([a-z0-9][a-z0-9.-]+)(?:\/(.*))?$/.exec(name) ?? [];
    if (bucket === undefined) {
      throw new HarnessError(
        "OPTION_INVALID",
        `Cannot use "${name}": a bucket is named s3://bucket or s3://bucket/prefix`,
      );
    }
    const accessKeyId = env["AWS_ACCESS_KEY_ID"];
    const secretAccessKey = env["AWS_SECRET_ACCESS_KEY"];
    if (!accessKeyId || !secretAccessKey) {
      throw new HarnessError(
        "OPTION_INVALID",
        `Cannot use ${name}: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both in the environment`,
      );
    }
    const region = env["AWS_REGION"] || env["AWS_DEFAULT_REGION"] || "us-east-1";
    const endpoint = env["AWS_ENDPOINT_URL_S3"] || env["AWS_ENDPOINT_URL"] || `https://s3.${region}.amazonaws.com`;
    if (!URL.canParse(endpoint))
      throw new HarnessError("OPTION_INVALID", `Cannot use AWS_ENDPOINT_URL "${endpoint}": it is no URL`);
    const sessionToken = env["AWS_SESSION_TOKEN"];
    const client = new AwsClient({
      accessKeyId,
      secretAccessKey,
      ...(sessionToken && { sessionToken }),
      service: "s3",
      region,
      retries: 4,
    });
    const trimmed = prefix.replace(/\/+$/, "");
    return new S3Store(name, client, `${endpoint.replace(/\/+$/, "")}/${bucket}/`, trimmed && `${trimmed}/`);
  }

  async list(): Promise<readonly string[]> {
    const names: string[] = [];
    for (let token: string | undefined = ""; token !== undefined;) {
      const query = new URLSearchParams({
        "list-type": "2",
        "encoding-type": "url",
        prefix: this._prefix,
        delimiter: "/",
      });
      if (token !== "") query.set("continuation-token", token);
      const answer = await this._fetch("list", `?${query}`);
      const text = await answer.text();
      for (const [, key] of text.matchAll(/<Contents>.*?<Key>([^<]*)<\/Key>/gs)) {
        const name = decodeURIComponent(key!.replaceAll("+", " ")).slice(this._prefix.length);
        if (name !== "" && !name.startsWith(".")) names.push(name);
      }
      token = /<NextContinuationToken>([^<]+)</.exec(text)?.[1];
    }
    return names.sort();
  }

  path(file: string): string {
    return `${this.name.replace(/\/+$/, "")}/${file}`;
  }

  async read(file: string, mostBytes: number): Promise<string | number> {
    const answer = await this._fetch("read", this._key(file));
    const size = Number(answer.headers.get("content-length") ?? 0);
    if (size > mostBytes) {
      await answer.body?.cancel();
      return size;
    }
    return answer.text();
  }

  async write(file: string, content: string): Promise<void> {
    await this._fetch("write", this._key(file), { method: "PUT", body: content });
  }

  async remove(file: string): Promise<void> {
    await this._fetch("remove", this._key(file), { method: "DELETE" });
  }

  within(part: string): Store {
    return new S3Store(this.path(part), this._client, this._url, `${this._prefix}${part}/`);
  }

  private _key(file: string): string {
    return `${this._prefix}${file}`.split("/").map(encodeURIComponent).join("/");
  }

  private async _fetch(verb: string, of: string, init: RequestInit = {}): Promise<Response> {
    let why: string;
    try {
      const answer = await this._client.fetch(this._url + of, { ...init, signal: AbortSignal.timeout(patienceMs) });
      if (answer.ok) return answer;
      const said = /<Code>([^<]*)<\/Code>/.exec(await answer.text())?.[1];
      why = `it answers ${answer.status}${said === undefined ? "" : ` ${said}`}`;
    } catch (thrown) {
      const cause = (thrown as { cause?: unknown }).cause;
      why = messageOf(cause instanceof Error ? cause : thrown);
    }
    throw new HarnessError("FILE_UNREADABLE", `Cannot ${verb} ${this.name}: ${why}`);
  }
}

/** Milliseconds that a bucket may take for one answer, with what is tried again. */
const patienceMs = 60_000;
