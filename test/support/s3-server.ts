// What of Amazon S3's protocol a share needs, on the loopback address: signatures are checked as "Signature Version 4" has it.
import { createHash, createHmac } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export const s3Key = { id: "AKIDEXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
const sha256 = (of: string | Uint8Array): string => createHash("sha256").update(of).digest("hex");
const hmac = (key: string | Buffer, of: string): Buffer => createHmac("sha256", key).update(of).digest();
const escaped = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);

/** Why a request's signature is not the one of the key; undefined: it is. */
function wrongSignature(request: IncomingMessage, body: Buffer, url: URL): string | undefined {
  const given =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=(\w+)$/;
  const [, id, day, region, names, signature] = given.exec(request.headers.authorization ?? "") ?? [];
  if (id !== s3Key.id) return "InvalidAccessKeyId";
  const payload = String(request.headers["x-amz-content-sha256"]);
  if (payload !== "UNSIGNED-PAYLOAD" && payload !== sha256(body)) return "XAmzContentSHA256Mismatch";
  const query = [...url.searchParams].map(([name, value]) => `${escaped(name)}=${escaped(value)}`).sort();
  const headers = names!.split(";").map((name) => `${name}:${String(request.headers[name]).trim()}\n`);
  const canonical = [request.method, url.pathname, query.join("&"), headers.join(""), names, payload].join("\n");
  const time = String(request.headers["x-amz-date"]);
  const scope = `${day}/${region}/s3/aws4_request`;
  const key = ["aws4_request"].reduce<Buffer>(hmac, hmac(hmac(hmac(`AWS4${s3Key.secret}`, day!), region!), "s3"));
  const wanted = hmac(key, ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n")).toString("hex");
  return wanted === signature ? undefined : "SignatureDoesNotMatch";
}

/** A server with one bucket, `bucket`, that lists two objects at a time. */
export async function startS3(): Promise<{ endpoint: string; objects: Map<string, Buffer>; close(): Promise<void> }> {
  const objects = new Map<string, Buffer>();
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const url = new URL(request.url!, "http://server");
    const answer = (status: number, text: string | Buffer = ""): void => void response.writeHead(status).end(text);
    const wrong = wrongSignature(request, body, url);
    if (wrong !== undefined) return answer(403, `<Error><Code>${wrong}</Code></Error>`);
    const [, bucket, key = ""] = /^\/([^/]*)\/?(.*)$/.exec(decodeURIComponent(url.pathname))!;
    if (bucket !== "bucket") return answer(404, "<Error><Code>NoSuchBucket</Code></Error>");
    if (request.method === "PUT") {
      objects.set(key, body);
      return answer(200);
    }
    if (request.method === "DELETE") {
      objects.delete(key);
      return answer(204);
    }
    if (key !== "") {
      const found = objects.get(key);
      return found === undefined ? answer(404, "<Error><Code>NoSuchKey</Code></Error>") : answer(200, found);
    }
    const prefix = url.searchParams.get("prefix") ?? "";
    const after = url.searchParams.get("continuation-token") ?? "";
    const left = [...objects.keys()].sort().filter((one) => {
      return one.startsWith(prefix) && !one.slice(prefix.length).includes("/") && one > after;
    });
    const page = left.slice(0, 2);
    const more = left.length > 2 ? `<NextContinuationToken>${page[1]}</NextContinuationToken>` : "";
    const contents = page.map((one) => `<Contents><Key>${encodeURIComponent(one)}</Key></Contents>`).join("");
    return answer(200, `<?xml version="1.0"?><ListBucketResult>${more}${contents}</ListBucketResult>`);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}
