// PublicationViews: publications as the writers want them: views of payloads, publishers and tags, in memory
// that is kept for the next time. The publications must outlive the views. Shard thread only.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/encoding.h"
#include "gateway/messages.h"
#include "gateway/publication.h"

namespace holdfast::gateway {

class PublicationViews {
 public:
  // False when one of them is no JSON and the client must have JSON: then it cannot be told (3506).
  // `data_as_text` as in protocol::Publication. The views die with the next call.
  bool fill(std::span<const PublicationReference> publications, Encoding encoding, bool data_as_text);

  std::span<const protocol::Publication> views() const { return views_; }

 private:
  std::string_view payload_for(const Publication& publication, Encoding encoding);

  std::vector<protocol::Publication> views_;
  std::vector<Member> publishers_;
  std::vector<protocol::Tag> tags_;
  std::vector<std::string> one_line_;  // payloads that had line breaks
};

}  // namespace holdfast::gateway
