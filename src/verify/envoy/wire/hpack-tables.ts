/** RFC 7541, appendix A: `name=value;name;…` from index 1 on. */
const staticText =
  ":authority;:method=GET;:method=POST;:path=/;:path=/index.html;:scheme=http;:scheme=https;:status=200;:status=204;" +
  ":status=206;:status=304;:status=400;:status=404;:status=500;accept-charset;accept-encoding=gzip, deflate;" +
  "accept-language;accept-ranges;accept;access-control-allow-origin;age;allow;authorization;cache-control;" +
  "content-disposition;content-encoding;content-language;content-length;content-location;content-range;content-type;" +
  "cookie;date;etag;expect;expires;from;host;if-match;if-modified-since;if-none-match;if-range;if-unmodified-since;" +
  "last-modified;link;location;max-forwards;proxy-authenticate;proxy-authorization;range;referer;refresh;retry-after;" +
  "server;set-cookie;strict-transport-security;transfer-encoding;user-agent;vary;via;www-authenticate";

export const staticTable: readonly (readonly [name: Buffer, value: Buffer])[] = staticText.split(";").map((entry) => {
  const [name = "", value = ""] = entry.split("=");
  return [Buffer.from(name), Buffer.from(value)];
});

/**
 * RFC 7541, appendix B, as lengths alone: the code is canonical, so that symbols sorted by length and number get consecutive codes.
 * One letter per symbol 0 to 256, its number in ASCII minus 60.
 */
const codeLengths =
  "ISXXXXXXXTZXXZXXXXXXXXZXXXXXXXXXBFFHIBDGFFDGDBBBAAABBBBBBBCDKBHFIBCCCCCCCCCCCCCCCCCCCCCCDCDIOIJBKABABABBBACCBBBABCBAABCCCCC" +
  "KGJIXPRPPRRRSRSSSSSTSTTRSTSSSSQRSRSSTRQPRRSSQSRRTQRSSQQRQSRSSPRRRSRRSVVPORSRUVVVWWVTUOQVWWVWTQQVVXWWWPTPQRQQSRRUUTTVSVWVVWWWWWXWWWWWVZ";

const endSymbol = 256;

/** Symbol by code with a 1 in front of it, so that codes of different lengths differ. */
const symbols: ReadonlyMap<number, number> = (() => {
  const lengths = Array.from(codeLengths, (letter) => letter.charCodeAt(0) - 60);
  const order = lengths.map((_, symbol) => symbol).sort((a, b) => (lengths[a] ?? 0) - (lengths[b] ?? 0) || a - b);
  const map = new Map<number, number>();
  let [code, length] = [0, 0];
  for (const symbol of order) {
    const own = lengths[symbol] ?? 0;
    code *= 2 ** (own - length);
    length = own;
    map.set(2 ** own + code, symbol);
    code++;
  }
  return map;
})();

export function decodeHuffman(bytes: Uint8Array): Buffer {
  const decoded: number[] = [];
  let code = 1;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      code = code * 2 + ((byte >> bit) & 1);
      const symbol = symbols.get(code);
      if (symbol === undefined) continue;
      if (symbol === endSymbol) throw new Error("A Huffman string has the end symbol in it");
      decoded.push(symbol);
      code = 1;
    }
  }
  return Buffer.from(decoded);
}
