import type { Step } from '@bowline/spec';
import { stepInvalid } from '../step-error.ts';

/** How the content of a file is written in a configuration. */
export type ContentEncoding = NonNullable<NonNullable<Step['files']>[number]['encoding']>;

const MAX_UNPACKED_BYTES = 64 * 2 ** 20;

/** The bytes that a content stands for. Throws AgentError STEP_INVALID: broken, or more than 64 MiB when unpacked. */
export async function decodeContent(content: string, encoding: ContentEncoding = ''): Promise<Uint8Array> {
  switch (encoding) {
    case '':
      return Buffer.from(content);
    case 'b64':
    case 'base64':
      return decodeBase64(content);
    case 'gz':
    case 'gzip':
      // YAML carries gzip as the characters of its bytes.
      return unpack(Buffer.from(content, 'latin1'));
    case 'gz+b64':
    case 'gz+base64':
    case 'gzip+b64':
    case 'gzip+base64':
      return unpack(decodeBase64(content));
  }
}

function decodeBase64(content: string): Buffer {
  const text = content.replaceAll(/\s/g, '');
  const hint = 'Make it with: base64 -w0 FILE';
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw stepInvalid('the content is not base64', hint);
  if (text.length % 4 !== 0) throw stepInvalid('the content is not whole base64', hint);
  return Buffer.from(text, 'base64');
}

async function unpack(bytes: Buffer): Promise<Buffer> {
  const { gunzip } = await import('node:zlib');
  return new Promise((resolve, reject) => {
    gunzip(bytes, { maxOutputLength: MAX_UNPACKED_BYTES }, (error, unpacked) => {
      if (error === null) resolve(unpacked);
      else if ('code' in error && error.code === 'ERR_BUFFER_TOO_LARGE')
        reject(stepInvalid('the content is more than 64 MiB when unpacked', 'Fetch it with downloads instead.'));
      else reject(stepInvalid('the content is not gzip', 'Make it with: gzip -9c FILE | base64 -w0'));
    });
  });
}
