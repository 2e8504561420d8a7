// HttpError: an answer of the kubelet's server that is not a success, with the text that the caller will see.

export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
