// Members that have their zero value are left out, as in the client protocol.
#include "admin/api_result.h"

#include <openssl/evp.h>

#include <array>
#include <cstdio>

#include "gateway/json_text.h"
#include "gateway/json_writer.h"

namespace holdfast::admin {
namespace {

using gateway::JsonWriter;

std::string base64_of(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock ends with a zero byte
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

// Bytes that are to be JSON: as they are when they are, as base64 under another name when they are not.
void write_payload(std::string& out, std::string_view name, std::string_view name_base64,
                   std::string_view bytes, bool json) {
  JsonWriter writer(out);
  if (json) {
    writer.key(name);
    gateway::append_without_line_breaks(out, bytes);
  } else {
    writer.key(name_base64);
    writer.text(base64_of(bytes));
  }
}

void write_member(std::string& out, const gateway::Member& member) {
  JsonWriter writer(out);
  writer.open_object();
  writer.key("user");
  writer.text(member.user);
  writer.key("client");
  writer.text(member.client);
  const auto write_info = [&out](std::string_view name, std::string_view name_base64, std::string_view text) {
    if (text.empty()) return;
    write_payload(out, name, name_base64, text, gateway::JsonText(text.size()).valid(text));
  };
  write_info("conn_info", "b64conn_info", member.conn_info);
  write_info("chan_info", "b64chan_info", member.chan_info);
  writer.close_object();
}

void write_position(JsonWriter& writer, const gateway::Position& position) {
  if (position.offset != 0) {
    writer.key("offset");
    writer.number(position.offset);
  }
  if (!position.epoch.empty()) {
    writer.key("epoch");
    writer.text(position.epoch.text());
  }
}

void write_publication(std::string& out, const gateway::Publication& publication) {
  JsonWriter writer(out);
  writer.open_object();
  write_payload(out, "data", "b64data", publication.payload(), publication.json());
  if (publication.has_publisher()) {
    writer.key("info");
    write_member(out, publication.publisher());
  }
  if (publication.offset() != 0) {
    writer.key("offset");
    writer.number(publication.offset());
  }
  if (publication.has_tags()) {
    writer.key("tags");
    writer.open_object();
    publication.for_each_tag([&writer](const gateway::Tag& tag) {
      writer.key_text(tag.key);
      writer.text(tag.value);
    });
    writer.close_object();
  }
  writer.close_object();
}

}  // namespace

void append_error(std::string& out, gateway::ErrorCode code) {
  JsonWriter writer(out);
  writer.open_object();
  writer.key("code");
  writer.number(static_cast<std::uint64_t>(code));
  writer.key("message");
  writer.text(gateway::message_of(code));
  writer.close_object();
}

void append_result(std::string& out, const gateway::PublishAnswer& answer) {
  JsonWriter writer(out);
  writer.open_object();
  write_position(writer, answer.position);
  writer.close_object();
}

void append_result(std::string& out, const gateway::BroadcastAnswer& answer) {
  JsonWriter writer(out);
  writer.open_object();
  writer.key("responses");
  writer.open_array();
  for (const gateway::PublishAnswer& one : answer.answers) {
    writer.open_object();
    writer.key(one.failure ? "error" : "result");
    if (one.failure) {
      append_error(out, *one.failure);
    } else {
      append_result(out, one);
    }
    writer.close_object();
  }
  writer.close_array();
  writer.close_object();
}

void append_result(std::string& out, const gateway::TargetAnswer&) {
  JsonWriter(out).raw("{}");
}

void append_result(std::string& out, const gateway::RemoveHistoryAnswer&) {
  JsonWriter(out).raw("{}");
}

void append_result(std::string& out, const gateway::PresenceAnswer& answer) {
  JsonWriter writer(out);
  writer.open_object();
  writer.key("presence");
  writer.open_object();
  for (const gateway::Member& member : answer.members) {
    writer.key_text(member.client);
    write_member(out, member);
  }
  writer.close_object();
  writer.close_object();
}

void append_result(std::string& out, const gateway::PresenceStatsAnswer& answer) {
  JsonWriter writer(out);
  writer.open_object();
  writer.key("num_clients");
  writer.number(answer.clients);
  writer.key("num_users");
  writer.number(answer.users);
  writer.close_object();
}

void append_result(std::string& out, const gateway::HistoryAnswer& answer) {
  JsonWriter writer(out);
  writer.open_object();
  writer.key("publications");
  writer.open_array();
  for (const gateway::PublicationReference& publication : answer.publications) {
    write_publication(out, *publication);
  }
  writer.close_array();
  write_position(writer, answer.position);
  writer.close_object();
}

void append_result(std::string& out, const gateway::ChannelsAnswer& answer) {
  JsonWriter writer(out);
  writer.open_object();
  writer.key("channels");
  writer.open_object();
  for (const gateway::ListedChannel& channel : answer.channels) {
    writer.key_text(channel.name);
    writer.open_object();
    writer.key("num_clients");
    writer.number(channel.clients);
    writer.close_object();
  }
  writer.close_object();
  writer.close_object();
}

void append_result(std::string& out, const gateway::InfoAnswer& answer, const NodeFacts& node) {
  JsonWriter writer(out);
  const auto text = [&writer](std::string_view name, std::string_view value) {
    writer.key(name);
    writer.text(value);
  };
  const auto number = [&writer](std::string_view name, std::uint64_t value) {
    writer.key(name);
    writer.number(value);
  };
  writer.open_object();
  writer.key("nodes");
  writer.open_array();
  writer.open_object();
  text("uid", node.uid);
  text("name", node.name);
  text("version", node.version);
  number("num_clients", answer.clients);
  number("num_users", answer.users);
  number("num_channels", answer.channels);
  number("num_subs", answer.subscriptions);
  number("uptime", node.uptime_s);
  writer.key("process");
  writer.open_object();
  std::array<char, 32> percent;
  const int length = std::snprintf(percent.data(), percent.size(), "%.2f", node.cpu_percent);
  writer.key("cpu");
  writer.raw({percent.data(), static_cast<std::size_t>(length)});
  number("rss", node.resident_bytes);
  writer.close_object();
  writer.close_object();
  writer.close_array();
  writer.close_object();
}

}  // namespace holdfast::admin
