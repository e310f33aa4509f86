import { type Asked, answerSoundly, type Misbehaviour, writeHead } from './release-server.testdata.ts';

/** Ways in which a server or a network is bad; each is done to one kind of thing, once or always. */
export const FAULTS: Readonly<Record<string, (asked: Asked) => void>> = {
  'bit flip': (asked) => {
    const bytes = Buffer.from(asked.bytes);
    const at = Math.floor((asked.start + asked.end) / 2);
    bytes[at] = (bytes[at] as number) ^ 4;
    answerSoundly({ ...asked, bytes });
  },
  'truncated, connection dropped': (asked) => {
    writeHead(asked, asked.end - asked.start);
    const middle = Math.floor((asked.start + asked.end) / 2);
    asked.response.write(asked.bytes.subarray(asked.start, middle), () =>
      setTimeout(() => asked.response.destroy(), 5),
    );
  },
  'shorter, as if that were all': (asked) => {
    const end = asked.start + Math.floor((asked.end - asked.start) / 2);
    answerSoundly({ ...asked, end });
  },
  'longer than it should be': (asked) => {
    const { response, bytes, start, end } = asked;
    writeHead(asked, end - start + 5000);
    response.end(Buffer.concat([bytes.subarray(start, end), Buffer.alloc(5000, 1)]));
  },
  '200 instead of 206': (asked) => {
    answerSoundly({ ...asked, start: 0, end: asked.bytes.length, status: 200 });
  },
  'wrong Content-Range': (asked) => {
    writeHead(asked, asked.end - asked.start, { 'content-range': `bytes 1-${asked.end}/${asked.bytes.length + 1}` });
    asked.response.end(asked.bytes.subarray(asked.start, asked.end));
  },
  'no Content-Range': (asked) => {
    asked.response.writeHead(206).end(asked.bytes.subarray(asked.start, asked.end));
  },
  'other bytes of the same length': (asked) => {
    answerSoundly({ ...asked, bytes: Buffer.alloc(asked.bytes.length, 0x2a) });
  },
  'nothing at all': (asked) => {
    asked.response.writeHead(asked.status, { 'content-length': 0 }).end();
  },
  'connection dropped at once': ({ request }) => {
    request.socket.destroy();
  },
  'silence before the answer': () => undefined,
  'silence in the middle': (asked) => {
    writeHead(asked, asked.end - asked.start);
    asked.response.write(asked.bytes.subarray(asked.start, asked.start + 20));
  },
  'slow loris': (asked) => {
    writeHead(asked, asked.end - asked.start);
    let at = asked.start;
    const timer = setInterval(() => {
      if (at >= asked.end || asked.response.destroyed) clearInterval(timer);
      else asked.response.write(asked.bytes.subarray(at, (at += 1)));
    }, 20);
    timer.unref();
    asked.response.on('close', () => clearInterval(timer));
  },
  ...Object.fromEntries(
    [401, 403, 404, 410, 416, 429, 500, 502, 503, 504].map((status) => [String(status), answer(status)]),
  ),
  '429, wait 0 s': answer(429, { 'retry-after': '0' }),
  '429, wait an hour': answer(429, { 'retry-after': '3600' }),
  'redirect in a circle': ({ request, response }) => {
    response.writeHead(302, { location: request.url }).end();
  },
  'a login page': ({ response }) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Log in</title>');
  },
};

function answer(status: number, headers: Record<string, string> = {}): (asked: Asked) => void {
  return ({ response }) => {
    response.writeHead(status, headers).end();
  };
}

/** A fault that is done to one thing: to the first request for it, or to all. */
export function misbehaviour(fault: (asked: Asked) => void, what: string, often: 'once' | 'always'): Misbehaviour {
  let isDone = false;
  return (asked) => {
    if (asked.what !== what || isDone) return false;
    isDone = often === 'once';
    fault(asked);
    return true;
  };
}
