# Every login shell reads this.
alias ll="ls -l"
