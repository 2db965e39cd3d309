// holdfast: the gateway as a program: clients by the Centrifugo client protocol, applications by its HTTP
// API. Its settings are explained in holdfast.toml.
#include "admin/program.h"
#include "holdfast_flags.h"

int main(int argc, char** argv) {
  const holdfast::apps::HoldfastFlags flags = holdfast::apps::parse_holdfast_flags(argc, argv);
  if (flags.explain_memory) return holdfast::admin::explain_memory(flags.options);
  return flags.check_config ? holdfast::admin::check_config(flags.options)
                            : holdfast::admin::run_program(flags.options);
}
