// Package answers keeps what a call of the module has found out, so that it asks each question once.
package answers

import "sync"

// Book holds answers by question. The zero value is empty and ready.
//
// It is for as long as a process lives, which for a module is one call: nobody is told today what was so yesterday.
type Book[Question comparable, Answer any] struct {
	mutex sync.Mutex
	pages map[Question]*page[Answer]
}

type page[Answer any] struct {
	mutex  sync.Mutex
	known  bool
	answer Answer
}

// Find returns the answer to a question: the known one, or what ask says. Those who want the same at once wait for the first of
// them. A failure is no answer: what stopped one part of a call, such as the end of a part beside it, says nothing to the
// next who asks.
func (b *Book[Question, Answer]) Find(question Question, ask func() (Answer, error)) (Answer, error) {
	page := b.page(question)
	page.mutex.Lock()
	defer page.mutex.Unlock()
	if page.known {
		return page.answer, nil
	}
	answer, err := ask()
	if err == nil {
		page.answer, page.known = answer, true
	}
	return answer, err
}

func (b *Book[Question, Answer]) page(question Question) *page[Answer] {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	found := b.pages[question]
	if found == nil {
		found = &page[Answer]{}
		if b.pages == nil {
			b.pages = map[Question]*page[Answer]{}
		}
		b.pages[question] = found
	}
	return found
}
