import { FormatsError } from '../error.ts';

/** One element: its tag, its content, and all its bytes; views of the input. */
export interface DerElement {
  tag: number;
  content: Uint8Array;
  whole: Uint8Array;
}

/**
 * The element at the start of `bytes`; what follows it is ignored.
 *
 * @throws FormatsError `FORMAT_INVALID` for lengths that are indefinite or reach beyond the bytes.
 */
export function readDer(bytes: Uint8Array): DerElement {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined) throw invalid('an element is missing');
  let length = first;
  let header = 2;
  if (first & 0x80) {
    const count = first & 0x7f;
    if (count < 1 || count > 4) throw invalid('a length of an element is not acceptable');
    header += count;
    length = bytes.subarray(2, header).reduce((sum, byte) => sum * 256 + byte, 0);
  }
  if (header + length > bytes.length) throw invalid('an element is cut short');
  return { tag, content: bytes.subarray(header, header + length), whole: bytes.subarray(0, header + length) };
}

/**
 * The elements inside a SEQUENCE or SET.
 *
 * @throws FormatsError `FORMAT_INVALID`.
 */
export function readDerChildren({ content }: DerElement): DerElement[] {
  const children: DerElement[] = [];
  for (let at = 0; at < content.length; ) {
    const child = readDer(content.subarray(at));
    children.push(child);
    at += child.whole.length;
  }
  return children;
}

function invalid(why: string): FormatsError {
  return new FormatsError({ code: 'FORMAT_INVALID', message: `DER data: ${why}` });
}
