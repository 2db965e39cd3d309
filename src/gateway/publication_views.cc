// PublicationViews: counted first, so that nothing moves while views point to it.
#include "gateway/publication_views.h"

#include <cstddef>

#include "gateway/json_text.h"

namespace holdfast::gateway {

bool PublicationViews::fill(std::span<const PublicationReference> publications, Encoding encoding,
                            bool data_as_text) {
  views_.clear();
  publishers_.clear();
  tags_.clear();
  one_line_.clear();
  std::size_t tags = 0;
  for (const PublicationReference& publication : publications) {
    if (encoding == Encoding::json && !publication->json()) return false;
    publication->for_each_tag([&tags](const Tag&) { ++tags; });
  }
  views_.reserve(publications.size());
  publishers_.reserve(publications.size());
  one_line_.reserve(publications.size());
  tags_.reserve(tags);
  for (const PublicationReference& publication : publications) {
    protocol::Publication& view = views_.emplace_back();
    // As a text a payload keeps its line breaks: they are escaped.
    view.data = data_as_text ? publication->payload() : payload_for(*publication, encoding);
    view.offset = publication->offset();
    view.data_as_text = data_as_text;
    if (publication->has_publisher()) {
      publishers_.push_back(publication->publisher());
      view.info = &publishers_.back();
    }
    const std::size_t first = tags_.size();
    publication->for_each_tag([this](const Tag& tag) { tags_.push_back({tag.key, tag.value}); });
    view.tags = std::span(tags_).subspan(first);
  }
  return true;
}

std::string_view PublicationViews::payload_for(const Publication& publication, Encoding encoding) {
  const std::string_view payload = publication.payload();
  if (encoding == Encoding::protobuf || payload.find_first_of("\r\n") == std::string_view::npos) {
    return payload;
  }
  append_without_line_breaks(one_line_.emplace_back(), payload);
  return one_line_.back();
}

}  // namespace holdfast::gateway
