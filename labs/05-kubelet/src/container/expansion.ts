// Expansion: $(NAME) in commands, arguments and values. Pure.
//
// $$ is one dollar sign, so $$(NAME) stays as text; a name that is not known stays as it was written.
//
// Same idea upstream: kubernetes, third_party/forked/golang/expansion.

export function expand(text: string, lookUp: (name: string) => string | undefined): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (match, name: string | undefined) =>
    name === undefined ? '$' : (lookUp(name) ?? match),
  );
}
