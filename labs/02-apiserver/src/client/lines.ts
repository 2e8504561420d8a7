// linesOf: the lines of a stream of bytes, whatever pieces they arrive in.
//
// A chunk may end in the middle of a line or of a character. Only the new piece is searched for line ends, so a line
// that arrives in a thousand pieces costs no more than one that arrives whole.
// A line longer than LINE_CHARS_MAX, or one that the stream ends in the middle of, is an error.

const LINE_CHARS_MAX = 64 * 1024 * 1024;

/** Empty lines are left out. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pieces: string[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    const [first = '', ...rest] = decoder.decode(chunk, { stream: true }).split('\n');
    pieces.push(first);
    length += first.length;
    if (length > LINE_CHARS_MAX)
      throw new Error(`a line is longer than ${LINE_CHARS_MAX} characters`);
    for (const next of rest) {
      const line = pieces.join('');
      pieces = [next];
      length = next.length;
      if (line.trim() !== '') yield line;
    }
  }
  if ((pieces.join('') + decoder.decode()).trim() !== '') {
    throw new Error('the stream ended in the middle of a line');
  }
}
