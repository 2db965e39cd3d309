// IndexList: a doubly linked list of records that name each other by index, with the head kept by its owner.
//
// Access::operator()(Index) returns the ListLink& of a record, so one record can be in several lists through
// several links. Not thread-safe. Invariant: first.previous == kNoIndex, last.next == kNoIndex, and
// neighbours agree.
#pragma once

#include "base/check.h"
#include "memory/index.h"

namespace holdfast::memory {

struct ListLink {
  Index next = kNoIndex;
  Index previous = kNoIndex;
};

template <class Access>
void list_push_front(Index& head, Index index, Access link_of) {
  ListLink& link = link_of(index);
  link.previous = kNoIndex;
  link.next = head;
  if (head != kNoIndex) {
    CHECK(link_of(head).previous == kNoIndex);
    link_of(head).previous = index;
  }
  head = index;
}

template <class Access>
void list_remove(Index& head, Index index, Access link_of) {
  ListLink& link = link_of(index);
  if (link.previous != kNoIndex) {
    CHECK(link_of(link.previous).next == index);
    link_of(link.previous).next = link.next;
  } else {
    CHECK(head == index);
    head = link.next;
  }
  if (link.next != kNoIndex) {
    CHECK(link_of(link.next).previous == index);
    link_of(link.next).previous = link.previous;
  }
  link = ListLink{};
}

}  // namespace holdfast::memory
