const TYPES =
  /^(?:ssh-(?:ed25519|rsa|dss)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)(?:-cert-v01@openssh\.com)?$/;
const MAX_LINE_LENGTH = 16_384;

/** A line of authorized_keys(5). */
export interface AuthorizedKey {
  /** The whole line, options and comment included, without spaces around it. */
  line: string;
  /** Type and key, which is what makes two lines the same key. */
  material: string;
}

/**
 * Reads a line of authorized_keys(5): options, type, base 64, comment. Undefined for what sshd would not take as a key:
 * comments, empty lines, private keys, and key data that is not of its type.
 */
export function parseAuthorizedKey(text: string): AuthorizedKey | undefined {
  const line = text.trim();
  if (line === '' || line.startsWith('#') || line.length > MAX_LINE_LENGTH || /[\n\r\0]/.test(line)) return undefined;
  const fields = splitFields(line);
  const at = TYPES.test(fields[0] ?? '') ? 0 : 1;
  const [type = '', data = ''] = fields.slice(at);
  if (!TYPES.test(type) || !holdsType(data, type)) return undefined;
  return { line, material: `${type} ${data}` };
}

/** Fields end at spaces and tabs outside of double quotes, as in the options of a key. */
function splitFields(line: string): string[] {
  return line.match(/(?:"(?:\\.|[^"\\])*"|[^\s"])+/g) ?? [];
}

/** The data of a key starts with the length and name of its type (RFC 4253, 6.6). */
function holdsType(data: string, type: string): boolean {
  if (!/^[A-Za-z0-9+/]{16,}={0,2}$/.test(data)) return false;
  const bytes = Buffer.from(data, 'base64');
  const length = bytes.length < 4 ? 0 : bytes.readUInt32BE(0);
  return bytes.subarray(4, 4 + length).toString('latin1') === type;
}
