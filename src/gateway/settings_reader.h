// SettingsReader: one value after another from a written document into Settings, each checked against its
// key.
//
// Collects problems and goes on, so that a reader of the messages can mend the whole file at once. Used
// within one call; owns nothing.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/settings.h"
#include "gateway/settings_document.h"
#include "gateway/settings_keys.h"

namespace holdfast::gateway {

// What was written under each key, by its dotted name. Secrets have no spelling.
struct WrittenKey {
  Place place;
  std::string spelled;
};
using WrittenKeys = std::map<std::string, WrittenKey>;

class SettingsReader {
 public:
  SettingsReader(const std::string& file, const Surroundings& surroundings, std::vector<Problem>& problems);

  void read(const Written& document, Settings& settings);
  const WrittenKeys& written() const { return written_; }

 private:
  // A value on its way: the key it stands under, and the range of that key.
  struct Asked {
    std::string key;
    const Written& value;
    std::uint64_t least;
    std::uint64_t most;
    bool zero;
  };

  template <class Section>
  void read_table(const Written& table, const std::string& name, Section& section,
                  const std::vector<std::string>& tables);
  template <class Section>
  void read_secrets(const Written& table, const std::string& name, Section& section);
  void read_namespaces(const Written& table, Settings& settings);

  void take(const Asked& asked, bool& field);
  void take(const Asked& asked, std::uint32_t& field);
  void take(const Asked& asked, std::uint64_t& field);
  void take(const Asked& asked, milliseconds& field);
  void take(const Asked& asked, std::string& field);
  void take(const Asked& asked, std::vector<std::string>& field);
  void take(const Asked& asked, Secret& field);
  void take(const Asked& asked, FileText& field);
  void take(const Asked& asked, std::vector<FileText>& field);
  void take(const Asked& asked, Groups& field);
  void take(const Asked& asked, RecoveryMode& field);

  bool texts(const Asked& asked, std::vector<std::string>& texts);
  bool read_file(const Asked& asked, const std::string& path, FileText& field);
  bool in_range(const Asked& asked, std::uint64_t number, std::string (*format)(std::uint64_t));
  void check_secret(const Asked& asked, const Secret& secret);
  void unknown(const Written::Entry& entry, const std::string& table, const std::vector<std::string>& known);
  void fault(const Asked& asked, std::string reason, std::string next_step, bool hidden = false);

  std::string folder_;
  const Surroundings& surroundings_;
  std::vector<Problem>& problems_;
  WrittenKeys written_;
};

// What no key can be judged by alone: addresses, times, rules that need each other.
void check_settings(const Settings& settings, const WrittenKeys& written, const std::string& file,
                    std::vector<Problem>& problems);

}  // namespace holdfast::gateway
