// ChannelAudit: contents, numberings, orders.
#include "channel_audit.h"

#include <algorithm>
#include <charconv>

namespace holdfast::sim {
namespace {

constexpr std::string_view kBy = "{\"by\":";
constexpr std::string_view kSequence = ",\"n\":";
constexpr std::string_view kCall = "{\"call\":";

bool take_text(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

bool take_number(std::string_view& text, std::uint32_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

}  // namespace

std::string to_string(const PublicationKey& key) {
  return "publication " + std::to_string(key.sequence) + " of " + std::to_string(key.publisher);
}

std::string ChannelAudit::content(const PublicationKey& key, std::string_view channel, std::size_t bytes) {
  std::string text(kBy);
  text += std::to_string(key.publisher);
  text += kSequence;
  text += std::to_string(key.sequence);
  text += ",\"in\":\"";
  text += channel;
  text += "\",\"rest\":\"";
  constexpr std::string_view kFillers = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::uint32_t digit = key.publisher * 7 + key.sequence * 11;
  while (text.size() + 2 < bytes) text.push_back(kFillers[digit++ % kFillers.size()]);
  return text + "\"}";
}

PublicationKey ChannelAudit::next_publication(std::uint32_t publisher, std::string_view channel,
                                              std::size_t bytes) {
  const PublicationKey key{publisher, sequences_[publisher]++};
  sent_[key] = Sent{std::string(channel), bytes, moment_++};
  by_channel_[std::string(channel)].push_back(key);
  return key;
}

void ChannelAudit::acknowledged(const PublicationKey& key) {
  sent_.at(key).acknowledged = true;
}

void ChannelAudit::numbered(const PublicationKey& key, std::string_view channel, std::string_view epoch,
                            std::uint64_t offset) {
  Numbering& numbering = numberings_[{std::string(channel), std::string(epoch)}];
  const auto [there, fresh] = numbering.by_offset.try_emplace(offset, key);
  if (there->second != key) {
    fail("offset " + std::to_string(offset) + " of " + std::string(channel) + " is " + to_string(key) +
         ", for others " + to_string(there->second));
  }
  const auto [placed, first] = numbering.offsets.try_emplace(key, offset);
  if (placed->second != offset) {
    fail(to_string(key) + " is at offset " + std::to_string(offset) + " of " + std::string(channel) +
         " and at " + std::to_string(placed->second));
  }
}

std::optional<PublicationKey> ChannelAudit::recognise(std::string_view text, std::string_view channel) {
  audit_->count_received();
  std::string_view rest = text;
  PublicationKey key;
  const bool parsed = take_text(rest, kBy) && take_number(rest, key.publisher) &&
                      take_text(rest, kSequence) && take_number(rest, key.sequence);
  const auto sent = sent_.find(key);
  const std::string shown(text.substr(0, 60));
  if (!parsed || sent == sent_.end()) {
    fail("a publication nobody sent: " + shown);
    return std::nullopt;
  }
  if (sent->second.channel != channel) {
    fail(to_string(key) + " was for " + sent->second.channel + " and is seen in " + std::string(channel));
    return std::nullopt;
  }
  if (sent->second.refused) fail(to_string(key) + " was refused and is seen in " + std::string(channel));
  if (text != content(key, channel, sent->second.bytes)) {
    fail(to_string(key) + " is not as it was sent: " + shown);
    return std::nullopt;
  }
  return key;
}

void ChannelAudit::follows(std::string_view channel, const PublicationKey& before,
                           const PublicationKey& after) {
  Order& order = orders_[std::string(channel)];
  const PublicationKey follower = order.follower.try_emplace(before, after).first->second;
  const PublicationKey precursor = order.precursor.try_emplace(after, before).first->second;
  if (follower != after || precursor != before) {
    fail("in " + std::string(channel) + " " + to_string(after) + " comes after " + to_string(before) +
         ", for others " + to_string(follower) + " does, and it comes after " + to_string(precursor));
  }
}

bool ChannelAudit::newest(std::string_view channel, const PublicationKey& key) const {
  const auto order = orders_.find(channel);
  return order == orders_.end() || !order->second.follower.contains(key);
}

std::uint64_t ChannelAudit::top(std::string_view channel, std::string_view epoch) const {
  const auto found = numberings_.find({std::string(channel), std::string(epoch)});
  if (found == numberings_.end() || found->second.by_offset.empty()) return 0;
  return found->second.by_offset.rbegin()->first;
}

std::optional<PublicationKey> ChannelAudit::missed(std::string_view channel, std::uint64_t moment,
                                                   const std::set<PublicationKey>& received) const {
  const auto all = by_channel_.find(channel);
  if (all == by_channel_.end()) return std::nullopt;
  for (auto key = all->second.rbegin(); key != all->second.rend(); ++key) {
    const Sent& sent = sent_.at(*key);
    if (sent.moment < moment) break;
    if (sent.acknowledged && !received.contains(*key)) return *key;
  }
  return std::nullopt;
}

void ChannelAudit::connected(std::string_view client_id, std::string_view user) {
  if (!users_.try_emplace(std::string(client_id), user).second) {
    fail("client id " + std::string(client_id) + " a second time");
  }
}

void ChannelAudit::asked_to_subscribe(std::string_view client_id, std::string_view channel) {
  asked_.emplace(client_id, channel);
}

bool ChannelAudit::has_asked(std::string_view client_id, std::string_view channel) const {
  if (asked_.contains({std::string(client_id), std::string(channel)})) return true;
  const auto user = users_.find(client_id);
  if (user != users_.end()) return called(user->second, channel);
  return asked_without_a_name_.contains(channel) ||
         std::any_of(calls_.begin(), calls_.end(), [&](const auto& call) { return call.channel == channel; });
}

std::string ChannelAudit::call(SubscribeCall call) {
  call.moment = tick();
  calls_.push_back(std::move(call));
  return std::string(kCall) + std::to_string(calls_.size() - 1) + "}";
}

SubscribeCall* ChannelAudit::find_call(std::string_view content) {
  std::uint32_t number = 0;
  if (!take_text(content, kCall) || !take_number(content, number) || content != "}") return nullptr;
  return number < calls_.size() ? &calls_[number] : nullptr;
}

bool ChannelAudit::called(std::string_view user, std::string_view channel) const {
  return std::any_of(calls_.begin(), calls_.end(),
                     [&](const auto& call) { return call.user == user && call.channel == channel; });
}

bool ChannelAudit::call_over(std::string_view user, std::int64_t now_s) const {
  return std::any_of(calls_.begin(), calls_.end(), [&](const auto& call) {
    return call.user == user && call.expires_at_s != 0 && call.expires_at_s <= now_s;
  });
}

std::optional<LeftOff> ChannelAudit::take_left_off(std::uint64_t which) {
  if (left_off_.empty()) return std::nullopt;
  const auto place = left_off_.begin() + static_cast<std::ptrdiff_t>(which % left_off_.size());
  LeftOff taken = std::move(*place);
  left_off_.erase(place);
  return taken;
}

}  // namespace holdfast::sim
